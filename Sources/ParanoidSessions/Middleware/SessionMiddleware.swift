public import ParanoidHTTP
internal import Logging

/// Gives requests their sessions: recognises them before the handler runs and stores what changed before the first byte of the response
/// leaves, or answers 503.
///
/// In profile `compatible` every checked request has its session read and checked. In profile `paranoid` that happens when the handler
/// first asks for something of it: a request that does not use its session costs nothing and sets no cookie.
public struct SessionMiddleware: HTTPMiddleware {
    private let context: SessionContext
    private let errorResponder = ErrorResponder()

    /// What has happened to the sessions so far.
    public var statistics: SessionStatistics { self.context.statistics }

    /// Creates the middleware.
    package init(
        repository: SessionRepository,
        configuration: HTTPSessionsConfiguration,
        clock: any SessionClock
    ) {
        self.context = SessionContext(repository: repository, configuration: configuration, clock: clock)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        let exchange = SessionExchange(request: request, context: self.context)
        var request = request
        request[SessionSlot.self] = exchange
        do {
            if self.context.configuration.guardSettings.profile.isCompatible { try await exchange.loadIfChecked() }
        } catch {
            return self.errorResponder.response(for: error, request: request)
        }

        var response: Response
        do {
            response = try await next.handle(request)
        } catch {
            // What the handler had not committed when it failed does not happen; what the guard has to remember does.
            exchange.discardEdits()
            response = self.errorResponder.response(for: error, request: request)
        }
        do {
            try await exchange.finish(&response)
        } catch {
            return self.errorResponder.response(for: error, request: request)
        }
        return response
    }
}
