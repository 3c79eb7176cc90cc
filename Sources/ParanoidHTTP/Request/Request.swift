public import HTTPTypes
public import Logging

/// One HTTP request as a handler sees it.
///
/// A request is a small value: copying it copies three references, and what a copy is given (see ``subscript(_:)``) the original does not
/// have. Nothing is parsed before it is asked for.
public struct Request: Sendable {
    let head: RequestHead
    var endpoint: RouteEndpoint?
    var storage = RequestStorage()

    /// When the first byte of the request was seen, in nanoseconds since the epoch; `nil` when nobody has noted it.
    package var receivedAtNanoseconds: Int64?

    /// The values that the route's pattern captured.
    public internal(set) var pathParameters = PathParameters()

    /// Creates a request.
    ///
    /// A path that cannot be used is not an error here; the router answers it with 400, and ``validate()`` says so before.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - rawPath: The path with its percent escapes, beginning with a slash, without query.
    ///   - rawQuery: The query with its escapes and without the question mark.
    ///   - isSecure: Whether the client's connection is encrypted, as the web server says.
    ///   - clientAddress: The text of the client's address, as the web server says.
    ///   - parameters: The raw parameters.
    ///   - headerFields: Builds the header fields when they are asked for the first time; `nil`: from the parameters.
    ///   - body: The body.
    ///   - logger: Where the request's log lines go.
    public init(
        method: HTTPRequest.Method,
        rawPath: String,
        rawQuery: String = "",
        isSecure: Bool = false,
        clientAddress: String = "",
        parameters: any RequestParameters,
        headerFields: (@Sendable () -> HTTPFields)? = nil,
        body: RequestBody = .empty,
        logger: Logger
    ) {
        self.head = RequestHead(
            method: method,
            path: RequestPath(rawPath),
            rawQuery: rawQuery,
            isSecure: isSecure,
            clientAddress: clientAddress,
            parameters: parameters,
            makeHeaderFields: headerFields,
            body: body,
            logger: logger
        )
    }

    /// The method.
    public var method: HTTPRequest.Method { self.head.method }
    /// The path as the client sent it, with its percent escapes.
    public var rawPath: String { self.head.path.raw }
    /// The path, decoded once.
    ///
    /// An escaped slash is a slash here; the router does not take it for one.
    public var path: String { self.head.path.text }
    /// The query as the client sent it, without the question mark; empty when there is none.
    public var rawQuery: String { self.head.rawQuery }
    /// The query's names and values, parsed when first asked for.
    ///
    /// A pair that is not valid percent-encoded UTF-8 is not there, see ``FormFields/isComplete``.
    public var query: FormFields { self.head.query }
    /// All header fields, built when first asked for; ``header(_:)`` is cheaper for one of them.
    ///
    /// They are for reading: compare secrets and identities on the bytes of ``parameters``.
    public var headerFields: HTTPFields { self.head.headerFields }
    /// The cookies, parsed from the bytes when first asked for.
    public var cookies: Cookies { self.head.cookies }
    /// The body.
    public var body: RequestBody { self.head.body }
    /// Whether the client's connection is encrypted, as the web server says.
    public var isSecure: Bool { self.head.isSecure }
    /// The text of the client's address; empty when unknown.
    public var clientAddress: String { self.head.clientAddress }
    /// The raw parameters; they find nothing once the request is finished.
    public var parameters: any RequestParameters { self.head.parameters }
    /// The pattern of the route that was matched, such as `/users/{id}`; `nil` when none was.
    ///
    /// It is there for middleware too.
    public var route: String? { self.endpoint?.pattern }

    /// Where the request's log lines go; a copy of the request can be given another one.
    public var logger: Logger {
        get { self.storage[LoggerKey.self] ?? self.head.logger }
        set { self.storage[LoggerKey.self] = newValue }
    }

    /// A value attached to this copy of the request.
    public subscript<Key: RequestStorageKey>(_ key: Key.Type) -> Key.Value? {
        get { self.storage[key] }
        set { self.storage[key] = newValue }
    }

    /// One header field, looked up alone; `nil` when absent or not UTF-8.
    ///
    /// The first line wins when a field repeats.
    public func header(_ name: HTTPField.Name) -> String? {
        self.head.header(name)
    }

    /// Whether the request can be handled at all.
    ///
    /// - Throws: ``HTTPError`` with status 400 when the path cannot be used.
    public func validate() throws(HTTPError) {
        if !self.head.path.isValid { throw HTTPError(.badRequest, message: "The path is not valid.") }
    }

    private enum LoggerKey: RequestStorageKey {
        typealias Value = Logger
    }
}
