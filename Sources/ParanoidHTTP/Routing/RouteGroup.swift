public import HTTPTypes

/// Routes whose patterns begin alike and that share middleware.
public struct RouteGroup: RouterMethods {
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
    public func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String) {
        self.parent.register(
            MiddlewareHandler.compose(self.middleware, around: handler),
            method: method,
            pattern: self.prefix + pattern
        )
    }
}
