/// What the bytes before a request's body say, seen before libfcgi reads them.
struct RequestHead: Sendable, Hashable {
    /// The number the web server gave the request.
    var identifier: UInt16 = 0
    /// The role asked for.
    var role = RequestRole.responder
    /// Whether the web server wants to use the connection again.
    var keepsConnection = false
    /// Whether more than this request is already there: libfcgi would read into it and lose it.
    var isPipelined = false
    /// Whether a parameter cannot be told apart from another one once it is a C string: a zero byte, an equals sign in a name, no name.
    var hasAmbiguousParameters = false
}

/// The verdict on the bytes at the start of a request.
enum RequestHeadInspection: Sendable, Hashable {
    /// The head is whole; libfcgi can take it without waiting.
    case complete(RequestHead)
    /// More bytes are needed to tell.
    case incomplete
    /// A management record stands in front: this many bytes ask for the application's limits.
    case getValues(length: Int)
    /// The role is none that exists; the specification has an answer to that.
    case unknownRole(request: UInt16)
    /// These bytes are not the start of a request that will be served.
    case refused(RequestHeadRefusal)
}

/// Why the start of a request is not let through to libfcgi.
enum RequestHeadRefusal: String, Sendable, Hashable {
    /// Not version 1 of FastCGI, or records in an order that makes no request: what unread leftovers of a body look like.
    case notARequest
    /// More parameters, or more bytes of them, than allowed.
    case tooManyParameters
    /// Lengths that point beyond the end of the parameters.
    case brokenParameters
}
