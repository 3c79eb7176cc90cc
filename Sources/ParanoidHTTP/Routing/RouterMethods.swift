public import HTTPTypes

/// Registration of handlers, the same for an application and a group of routes.
public protocol RouterMethods {
    /// Registers a handler.
    ///
    /// A second handler for one method and pattern, and a pattern that is not well-formed, are mistakes in the program and stop it.
    ///
    /// - Parameters:
    ///   - handler: Gives the responses.
    ///   - method: The method; the handler of GET also serves HEAD, unless HEAD has its own (RFC 9110, section 9.3.2).
    ///   - pattern: A path of literals, `{name}` for any one segment, and as its last segment `{name*}` for the rest.
    func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String)
}

extension RouterMethods {
    /// Registers a closure for a method; see ``register(_:method:pattern:)`` for the pattern.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - pattern: The pattern.
    ///   - bodyLimit: The most bytes that a body of this route may have, more or fewer than elsewhere; `nil`: the limit of the group, else of the
    ///     application. Reading a longer one throws 413.
    ///   - timeout: The longest time that the handler may take for a response; then its task is cancelled, and the client gets 503 when the
    ///     handler returns. `nil`: that of the group, else only `PARANOID_REQUEST_DEADLINE`, which a longer time does not lift.
    ///   - handler: Gives the responses.
    @inlinable
    public func on<Output: ResponseConvertible>(
        _ method: HTTPRequest.Method,
        _ pattern: String,
        bodyLimit: Int? = nil,
        timeout: Duration? = nil,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.register(method, pattern, bodyLimit, timeout) { try await handler($0).makeResponse() }
    }

    @usableFromInline
    func register(
        _ method: HTTPRequest.Method,
        _ pattern: String,
        _ bodyLimit: Int?,
        _ timeout: Duration?,
        _ body: @escaping @Sendable (Request) async throws -> Response
    ) {
        let limits = RouteLimits(bodyLimit: bodyLimit, timeout: timeout)
        self.register(LimitedHandler.wrap(ClosureHandler(body), limits), method: method, pattern: pattern)
    }

    /// Registers a closure for GET, and for HEAD unless that has a handler of its own; `timeout` as in ``on(_:_:bodyLimit:timeout:use:)``.
    @inlinable
    public func get<Output: ResponseConvertible>(
        _ pattern: String,
        timeout: Duration? = nil,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.on(.get, pattern, timeout: timeout, use: handler)
    }

    /// Registers a closure for POST; `bodyLimit` and `timeout` as in ``on(_:_:bodyLimit:timeout:use:)``.
    @inlinable
    public func post<Output: ResponseConvertible>(
        _ pattern: String,
        bodyLimit: Int? = nil,
        timeout: Duration? = nil,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.on(.post, pattern, bodyLimit: bodyLimit, timeout: timeout, use: handler)
    }

    /// Registers a closure for PUT; `bodyLimit` and `timeout` as in ``on(_:_:bodyLimit:timeout:use:)``.
    @inlinable
    public func put<Output: ResponseConvertible>(
        _ pattern: String,
        bodyLimit: Int? = nil,
        timeout: Duration? = nil,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.on(.put, pattern, bodyLimit: bodyLimit, timeout: timeout, use: handler)
    }

    /// Registers a closure for PATCH; `bodyLimit` and `timeout` as in ``on(_:_:bodyLimit:timeout:use:)``.
    @inlinable
    public func patch<Output: ResponseConvertible>(
        _ pattern: String,
        bodyLimit: Int? = nil,
        timeout: Duration? = nil,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.on(.patch, pattern, bodyLimit: bodyLimit, timeout: timeout, use: handler)
    }

    /// Registers a closure for DELETE; `timeout` as in ``on(_:_:bodyLimit:timeout:use:)``.
    @inlinable
    public func delete<Output: ResponseConvertible>(
        _ pattern: String,
        timeout: Duration? = nil,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.on(.delete, pattern, timeout: timeout, use: handler)
    }

    /// A group of routes that share the beginning of their patterns, middleware or limits.
    ///
    /// - Parameters:
    ///   - prefix: The beginning of their patterns, such as `/admin`, without a slash at its end; empty for routes that share no beginning. Any other
    ///     text stops the program.
    ///   - middleware: Goes around the handlers of the group, the first outermost; not around the responses to paths that no route has.
    ///   - bodyLimit: The most bytes that a body may have, for routes that set no limit of their own; `nil`: as outside of the group.
    ///   - timeout: The longest time for a response, middleware of the group included, for routes that set none of their own; `nil`: as outside.
    @inline(never)
    public func group(
        _ prefix: String,
        middleware: [any HTTPMiddleware] = [],
        bodyLimit: Int? = nil,
        timeout: Duration? = nil
    ) -> some RouterMethods {
        RouteGroup(of: self, prefix: prefix, middleware: middleware, limits: RouteLimits(bodyLimit: bodyLimit, timeout: timeout))
    }
}

/// A group of routes that share the beginning of their patterns, middleware or limits.
struct RouteGroup: RouterMethods {
    private let parent: any RouterMethods
    private let prefix: String
    private let middleware: [any HTTPMiddleware]
    private let limits: RouteLimits

    init(of parent: any RouterMethods, prefix: String, middleware: [any HTTPMiddleware], limits: RouteLimits) {
        precondition(
            prefix.isEmpty || (prefix.utf8.first == UInt8(ascii: "/") && prefix.utf8.last != UInt8(ascii: "/")),
            "the prefix of a group is empty, or it begins with a slash and does not end with one: \(prefix)"
        )
        self.parent = parent
        self.prefix = prefix
        self.middleware = middleware
        self.limits = limits
    }

    /// Registers a handler under the prefix and inside the middleware of the group.
    func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String) {
        let (inner, limits) = LimitedHandler.unwrap(handler)
        self.parent.register(
            LimitedHandler.wrap(MiddlewareHandler.compose(self.middleware, around: inner), limits.completed(by: self.limits)),
            method: method,
            pattern: self.prefix + pattern
        )
    }
}
