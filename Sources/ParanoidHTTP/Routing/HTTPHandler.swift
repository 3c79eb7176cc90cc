/// Answers requests.
public protocol HTTPHandler: Sendable {
    /// Answers one request; called concurrently, on whatever executor the caller runs.
    ///
    /// - Throws: ``HTTPError`` for an answer with a status of its own; any other error becomes a plain 500.
    func handle(_ request: Request) async throws -> Response
}

/// A handler made of a closure.
public struct ClosureHandler: HTTPHandler {
    private let body: @Sendable (Request) async throws -> Response

    /// Creates a handler.
    public init(_ body: @escaping @Sendable (Request) async throws -> Response) {
        self.body = body
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request) async throws -> Response {
        try await self.body(request)
    }
}
