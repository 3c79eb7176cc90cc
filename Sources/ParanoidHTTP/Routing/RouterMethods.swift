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
    public func on<Output: ResponseConvertible>(
        _ method: HTTPRequest.Method,
        _ pattern: String,
        use handler: @escaping @Sendable (Request) async throws -> Output
    ) {
        self.register(ClosureHandler { try await handler($0).makeResponse() }, method: method, pattern: pattern)
    }

    /// Registers a closure for GET, and for HEAD unless that has a handler of its own.
    public func get<Output: ResponseConvertible>(_ pattern: String, use handler: @escaping @Sendable (Request) async throws -> Output) {
        self.on(.get, pattern, use: handler)
    }

    /// Registers a closure for POST.
    public func post<Output: ResponseConvertible>(_ pattern: String, use handler: @escaping @Sendable (Request) async throws -> Output) {
        self.on(.post, pattern, use: handler)
    }

    /// Registers a closure for PUT.
    public func put<Output: ResponseConvertible>(_ pattern: String, use handler: @escaping @Sendable (Request) async throws -> Output) {
        self.on(.put, pattern, use: handler)
    }

    /// Registers a closure for PATCH.
    public func patch<Output: ResponseConvertible>(_ pattern: String, use handler: @escaping @Sendable (Request) async throws -> Output) {
        self.on(.patch, pattern, use: handler)
    }

    /// Registers a closure for DELETE.
    public func delete<Output: ResponseConvertible>(_ pattern: String, use handler: @escaping @Sendable (Request) async throws -> Output) {
        self.on(.delete, pattern, use: handler)
    }

    /// A group of routes whose patterns have a common beginning.
    ///
    /// - Parameters:
    ///   - prefix: The beginning of their patterns, such as `/admin`, without a slash at its end.
    ///   - middleware: Goes around the handlers of the group, the first outermost; not around the responses to paths that no route has.
    public func group(_ prefix: String, middleware: [any HTTPMiddleware] = []) -> some RouterMethods {
        RouteGroup(of: self, prefix: prefix, middleware: middleware)
    }
}

/// A group of routes whose patterns have a common beginning and whose handlers share middleware.
struct RouteGroup: RouterMethods {
    private let parent: any RouterMethods
    private let prefix: String
    private let middleware: [any HTTPMiddleware]

    init(of parent: any RouterMethods, prefix: String, middleware: [any HTTPMiddleware]) {
        precondition(
            prefix.utf8.first == UInt8(ascii: "/") && prefix.utf8.last != UInt8(ascii: "/"),
            "the prefix of a group begins with a slash and does not end with one: \(prefix)"
        )
        self.parent = parent
        self.prefix = prefix
        self.middleware = middleware
    }

    /// Registers a handler under the prefix and inside the middleware of the group.
    func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String) {
        self.parent.register(
            MiddlewareHandler.compose(self.middleware, around: handler),
            method: method,
            pattern: self.prefix + pattern
        )
    }
}
