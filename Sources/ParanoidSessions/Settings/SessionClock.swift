public import ParanoidHTTP

/// Says what time it is for a request.
///
/// Everything below takes the time as an argument, so tests play years in milliseconds.
public protocol SessionClock: Sendable {
    /// The time at which a request arrived.
    func arrival(of request: Request) -> Timestamp
    /// The time at which a request's response is made; not before its arrival unless the clock was set back.
    func completion(of request: Request) -> Timestamp
}
