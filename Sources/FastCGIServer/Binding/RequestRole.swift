/// What the web server asks the application to be (FastCGI specification 1.0, section 6).
package enum RequestRole: UInt16, Sendable, Hashable {
    /// Answers a request; reads its body.
    case responder = 1
    /// Says whether a request is allowed; gets no body.
    case authorizer = 2
    /// Answers a request from a file's data that follows the body.
    case filter = 3
}
