/// How a request ended, as far as the protocol is concerned (FastCGI specification 1.0, section 5.5).
enum ProtocolStatus: UInt8, Sendable {
    /// The normal end.
    case requestComplete = 0
    /// A second request on a connection that serves one at a time.
    case cannotMultiplex = 1
    /// Too many requests.
    case overloaded = 2
    /// A role this application does not have.
    case unknownRole = 3
}
