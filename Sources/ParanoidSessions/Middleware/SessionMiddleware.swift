public import ParanoidHTTP
internal import Logging

/// Gives requests their sessions: recognises them before the handler runs and stores what changed before the first byte of the response
/// leaves, or answers 503.
///
/// In profile `compatible` every checked request has its session read and checked. In profile `paranoid` that happens when the handler
/// first asks for something of it: a request that does not use its session costs nothing and sets no cookie.
package struct SessionMiddleware: HTTPMiddleware {
    private let context: SessionContext
    /// Makes the responses to errors.
    package var errorResponder = ErrorResponder()

    /// What has happened to the sessions so far.
    package var statistics: SessionStatistics { self.context.statistics }

    /// Creates the middleware.
    package init(
        repository: SessionRepository,
        configuration: SessionSettings,
        clock: any RequestClock
    ) {
        self.context = SessionContext(repository: repository, configuration: configuration, clock: clock)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        let transaction = SessionTransaction(request: request, context: self.context)
        let request = transaction.request(for: .handler)
        do {
            if self.context.configuration.guardSettings.behaviour.loadsEarly { try await transaction.loadIfChecked() }
        } catch {
            return await self.errorResponder.response(for: error, request: request)
        }

        var response: Response
        do {
            response = try await next.handle(request)
            try response.validate()
        } catch {
            // What the handler had not committed when it failed does not happen; what the guard has to remember does.
            transaction.discardEdits()
            response = await self.errorResponder.response(for: error, request: request)
        }
        if transaction.finishUntouched() { return response }
        do {
            try await transaction.finish(&response)
        } catch {
            response = await self.errorResponder.response(for: error, request: request)
            // What was committed before stays so: a login, above all, would else be lost with its cookies.
            transaction.tellCommitted(in: &response)
        }
        return response
    }
}

extension Request {
    /// The session of this request.
    ///
    /// Asking costs nothing; the session is read when something of it is asked for. A request of a router without sessions has
    /// none, which is a programming error.
    public var session: Session {
        guard let session = self[SessionSlot.self]?.session else {
            preconditionFailure("request.session needs the session middleware around the handler")
        }
        return session
    }
}

extension SessionSlot: RequestObserver {
    /// What the handler or a middleware had not committed when it threw does not happen, whatever another one makes of the error.
    package func requestFailed() {
        if self.session.view == .handler { self.session.transaction.discardEdits() }
    }
}

/// Where a request carries its session's transaction.
struct SessionSlot: Sendable {
    let session: Session
}
