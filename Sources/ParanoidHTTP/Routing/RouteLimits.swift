internal import Logging

/// What a route says about its requests; `nil`: what is said outside of it.
struct RouteLimits: Sendable {
    /// The most bytes of a body.
    var bodyLimit: Int?
    /// The longest time for a response.
    var timeout: Duration?

    /// The same, with what a group says in the place of what is not said.
    func completed(by group: RouteLimits) -> RouteLimits {
        RouteLimits(bodyLimit: self.bodyLimit ?? group.bodyLimit, timeout: self.timeout ?? group.timeout)
    }
}

/// A handler on its way to the router, and the limits of its route.
struct LimitedHandler: HTTPHandler {
    private let handler: any HTTPHandler
    private let limits: RouteLimits

    static func wrap(_ handler: any HTTPHandler, _ limits: RouteLimits) -> any HTTPHandler {
        if limits.bodyLimit == nil, limits.timeout == nil { return handler }
        return LimitedHandler(handler: handler, limits: limits)
    }

    static func unwrap(_ handler: any HTTPHandler) -> (handler: any HTTPHandler, limits: RouteLimits) {
        guard let limited = handler as? LimitedHandler else { return (handler, RouteLimits()) }
        return (limited.handler, limited.limits)
    }

    func handle(_ request: Request) async throws -> Response { try await self.handler.handle(request) }
}

/// A handler that is cancelled when it takes too long.
///
/// What it returns after that counts no more. A handler that does not heed its cancellation is waited for, as its task would otherwise go on
/// unseen; `PARANOID_REQUEST_DEADLINE` answers in its place.
struct TimedHandler: HTTPHandler {
    private let handler: any HTTPHandler
    private let timeout: Duration

    init(_ handler: any HTTPHandler, timeout: Duration) {
        precondition(timeout > .zero, "the time of a route is above zero")
        self.handler = handler
        self.timeout = timeout
    }

    func handle(_ request: Request) async throws -> Response {
        try await withThrowingTaskGroup(of: Response?.self) { group in
            group.addTask { try await self.handler.handle(request) }
            group.addTask {
                try await Task.sleep(for: self.timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw HTTPError.serviceUnavailable }
            guard let response = first else {
                request.logger.warning("A route takes too long and is cancelled.", metadata: ["http.route": "\(request.route ?? "-")"])
                throw HTTPError.serviceUnavailable
            }
            return response
        }
    }
}
