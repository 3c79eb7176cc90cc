public import HTTPTypes
public import Logging

/// One HTTP request as a handler sees it.
///
/// A request is a small value: a copy copies three references. A value that is attached to a copy (see ``subscript(_:)``) is not attached to the
/// original. Query, header fields, cookies and body are read when they are first asked for; nothing here blocks, except that the body suspends.
public struct Request: Sendable {
    let head: RequestHead
    var endpoint: RouteEndpoint?
    // Look-ups are specialised where they are written: an unspecialised one makes the metadata of its types each time.
    @usableFromInline var storage = RequestStorage()

    /// When the first byte of the request was seen, in nanoseconds since the epoch; `nil` when nobody has noted it.
    package var receivedAtNanoseconds: Int64?

    /// What is measured of the request; `nil`: nothing.
    package var trace: RequestTrace?

    /// The values that the route's pattern has captured.
    var pathParameters: PathParameters?

    /// Creates a request.
    ///
    /// A path that cannot be used is not an error here; the router responds to it with 400, and ``validate()`` says so before.
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
    ///   - mount: Where the application is mounted; `rawPath` is the part below.
    ///   - trustsRequestID: Whether the field `X-Request-ID` comes from a trusted proxy.
    ///   - logger: Where the request's log lines go.
    package init(
        method: HTTPRequest.Method,
        rawPath: String,
        rawQuery: String = "",
        isSecure: Bool = false,
        clientAddress: String = "",
        parameters: any RequestParameters,
        headerFields: (@Sendable () -> HTTPFields)? = nil,
        body: RequestBody = .empty,
        mount: MountPoint = .root,
        trustsRequestID: Bool = false,
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
            mount: mount,
            trustsRequestID: trustsRequestID,
            logger: logger
        )
    }

    /// The method, a token (RFC 9110, section 9).
    public var method: HTTPRequest.Method { self.head.method }
    /// The path as the client sent it, with its percent escapes, without the mount point.
    package var rawPath: String { self.head.path.raw }
    /// The path, decoded once, without the mount point (`PARANOID_MOUNT`).
    ///
    /// An escaped slash (`%2F`) is a slash here, while the router cuts the path at unescaped slashes only.
    public var path: String { self.head.path.text }
    /// The query as the client sent it, without the question mark; empty when there is none.
    package var rawQuery: String { self.head.rawQuery }
    /// The query's names and values, parsed when first asked for.
    ///
    /// A pair that is not valid percent-encoded UTF-8, or holds NUL, is left out; ``decodeQuery(_:)`` refuses such a query with 400.
    public var query: FormFields { self.head.query }
    /// All header fields, built when first asked for; ``header(_:)`` is cheaper for one of them.
    ///
    /// Compare secrets and identities on the bytes of ``parameters`` instead.
    package var headerFields: HTTPFields { self.head.headerFields }
    /// The cookies, parsed from the bytes when first asked for.
    package var cookies: Cookies { self.head.cookies }
    /// The body, read when it is asked for; its limit is that of the route, else of its group, else of the application.
    public var body: RequestBody {
        guard let limit = self.endpoint?.bodyLimit else { return self.head.body }
        return self.head.body.limited(to: limit)
    }
    /// Whether the client's connection is encrypted: the web server sends the parameter `HTTPS` with the value `on` or `1`.
    public var isSecure: Bool { self.head.isSecure }
    /// The text of the client's address, taken from `REMOTE_ADDR` and, behind trusted proxies, from `X-Forwarded-For`; empty when unknown.
    public var clientAddress: String { self.head.clientAddress }
    /// The raw parameters; they find nothing once the request is finished.
    package var parameters: any RequestParameters { self.head.parameters }
    /// The pattern of the route that was matched, such as `/users/{id}`; `nil` when none was.
    ///
    /// Middleware of the application sees it, too.
    public var route: String? { self.endpoint?.pattern }

    /// The logger of the request, whose lines carry its ``id`` as `request.id`; middleware can give a copy of the request another one, with more metadata.
    public var logger: Logger {
        get { self.storage[AttachedLogger.self]?.logger ?? self.head.identifiedLogger }
        set { self.storage[AttachedLogger.self] = AttachedLogger(logger: newValue) }
    }

    /// The value of one type that middleware has attached to this copy of the request; `nil` when none has.
    ///
    /// ```swift
    /// request[Tenant.self] = tenant
    /// ```
    @inlinable
    public subscript<Value: Sendable>(_ type: Value.Type) -> Value? {
        get { self.storage[type] }
        set { self.storage[type] = newValue }
    }

    /// The value that the route's pattern has captured under a name, decoded; `nil` when the pattern does not have the name.
    public func pathParameter(_ name: String) -> String? { self.pathParameters?[name] }

    /// The first value of a cookie; `nil` when no cookie has the name, or the value is not UTF-8.
    ///
    /// Names are compared byte by byte (RFC 6265bis, section 5.8.3).
    public func cookie(_ name: String) -> String? { self.cookies[name] }

    /// The value of one header field; `nil` when it is absent or not UTF-8.
    ///
    /// Where a field repeats, the lines of a list such as `Accept`, `Cache-Control` or `Via` are one list (RFC 9110, section 5.3); of another field
    /// the first line counts.
    public func header(_ name: HTTPField.Name) -> String? {
        self.head.header(name)
    }

    /// Whether the request can be handled at all.
    ///
    /// - Throws: ``HTTPError`` with status 400 when the path cannot be used.
    package func validate() throws(HTTPError) {
        if !self.head.path.isValid { throw HTTPError(.badRequest, message: "The path is not valid.") }
    }

    /// The logger that middleware has given the request.
    var attachedLogger: Logger? { self.storage[AttachedLogger.self]?.logger }

    private struct AttachedLogger: Sendable {
        let logger: Logger
    }
}

/// The values attached to a request; there are few, so a list is faster than a dictionary, and the first needs no memory of its own.
@usableFromInline
struct RequestStorage: Sendable {
    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline let type: ObjectIdentifier
        @usableFromInline let value: any Sendable

        @usableFromInline
        init(_ type: ObjectIdentifier, _ value: any Sendable) {
            self.type = type
            self.value = value
        }
    }

    @usableFromInline var first: Entry?
    /// `nil`: none; a request is copied several times on its way, and even an empty list is counted each time.
    @usableFromInline var others: [Entry]?

    init() {}

    /// Lends each value.
    func forEach<Failure: Error>(_ body: (any Sendable) throws(Failure) -> Void) throws(Failure) {
        if let first { try body(first.value) }
        for entry in self.others ?? [] { try body(entry.value) }
    }

    @inlinable
    subscript<Value: Sendable>(_: Value.Type) -> Value? {
        get { self.value(of: ObjectIdentifier(Value.self)) as? Value }
        set {
            if let newValue {
                self.set(Entry(ObjectIdentifier(Value.self), newValue))
            } else {
                self.remove(ObjectIdentifier(Value.self))
            }
        }
    }

    @usableFromInline
    func value(of type: ObjectIdentifier) -> (any Sendable)? {
        if let first, first.type == type { return first.value }
        return self.others?.first { $0.type == type }?.value
    }

    @usableFromInline
    mutating func set(_ entry: Entry) {
        guard let first, first.type != entry.type else { return self.first = entry }
        if let index = self.others?.firstIndex(where: { $0.type == entry.type }) {
            self.others?[index] = entry
        } else {
            self.others = (self.others.take() ?? []) + [entry]
        }
    }

    @usableFromInline
    mutating func remove(_ type: ObjectIdentifier) {
        if self.first?.type == type { self.first = nil } else { self.others?.removeAll { $0.type == type } }
    }
}

extension HTTPRequest.Method {
    /// Whether the method asks for no change (RFC 9110, section 9.2.1).
    package var isSafe: Bool { self == .get || self == .head || self == .options || self == .trace }
}
