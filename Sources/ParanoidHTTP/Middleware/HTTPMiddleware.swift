/// Does something around handlers: before, after, or instead of them.
public protocol HTTPMiddleware: Sendable {
    /// Handles one request, usually by calling `next` once, with the request as it came or with values attached to it.
    func handle(_ request: Request, next: any HTTPHandler) async throws -> Response
}

/// A handler with a middleware around it.
struct MiddlewareHandler: HTTPHandler {
    private let middleware: any HTTPMiddleware
    private let next: any HTTPHandler

    private init(_ middleware: any HTTPMiddleware, next: any HTTPHandler) {
        self.middleware = middleware
        self.next = next
    }

    func handle(_ request: Request) async throws -> Response {
        try await self.middleware.handle(request, next: self.next)
    }

    /// Puts a list around a handler; the first is outermost.
    static func compose(_ list: [any HTTPMiddleware], around handler: any HTTPHandler) -> any HTTPHandler {
        list.reversed().reduce(handler) { MiddlewareHandler($1, next: $0) }
    }
}

/// Answers requests.
public protocol HTTPHandler: Sendable {
    /// Answers one request; called concurrently, on whatever executor the caller runs.
    ///
    /// - Throws: ``HTTPError`` for an answer with a status of its own; any other error becomes a plain 500.
    func handle(_ request: Request) async throws -> Response
}

/// A handler made of a closure.
package struct ClosureHandler: HTTPHandler {
    private let body: @Sendable (Request) async throws -> Response

    /// Creates a handler.
    package init(_ body: @escaping @Sendable (Request) async throws -> Response) {
        self.body = body
    }

    package func handle(_ request: Request) async throws -> Response {
        try await self.body(request)
    }
}
