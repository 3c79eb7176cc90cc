public import HTTPHandling
public import HTTPSessions
internal import LinuxSupport
public import SessionSecurity

/// The system's wall clock.
public struct SystemSessionClock: SessionClock {
    /// Creates the clock.
    public init() {}

    /// The time now.
    public func arrival(of request: Request) -> Timestamp { Self.now }

    /// The time now.
    public func completion(of request: Request) -> Timestamp { Self.now }

    /// The time now.
    static var now: Timestamp { Timestamp(nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch()) }
}
