/// Code around handlers: it acts before the handler, after it, or in its place.
public protocol HTTPMiddleware: Sendable {
    /// Handles one request, usually by calling `next` once, with the request as it came or with values attached to it.
    ///
    /// Called concurrently, so the middleware is `Sendable`. It may suspend; it should not block its thread, as a worker has few of them.
    ///
    /// - Throws: As ``HTTPHandler/handle(_:)`` does; an error of `next` passes through unless it is caught here.
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
        do {
            return try await self.middleware.handle(request, next: self.next)
        } catch {
            request.noteFailure()
            throw error
        }
    }

    /// Puts a list around a handler; the first is outermost.
    static func compose(_ list: [any HTTPMiddleware], around handler: any HTTPHandler) -> any HTTPHandler {
        list.reversed().reduce(handler) { MiddlewareHandler($1, next: $0) }
    }
}

/// Gives responses to requests.
public protocol HTTPHandler: Sendable {
    /// Gives the response to one request.
    ///
    /// Called concurrently, on the executor of its caller. It may suspend; it should not block its thread, as a worker has few of them.
    ///
    /// - Throws: ``HTTPError`` for a response with a status of its own. Any other error becomes a plain 500, and its description goes to the log.
    func handle(_ request: Request) async throws -> Response
}

/// A handler made of a closure.
package struct ClosureHandler: HTTPHandler {
    let body: @Sendable (Request) async throws -> Response

    /// Creates a handler.
    package init(_ body: @escaping @Sendable (Request) async throws -> Response) {
        self.body = body
    }

    package func handle(_ request: Request) async throws -> Response {
        try await self.body(request)
    }
}
