internal import ParanoidHTTP
internal import HTTPTypes
internal import Logging
internal import Synchronization

/// Drives one request's session: does the I/O that ``SessionGuard`` asks for.
///
/// Operations of concurrent tasks of one request take turns at the gate; the mutex is held for moments only, never across a suspension.
final class SessionExchange: Sendable {
    private struct State {
        var visit: SessionVisit?
        var isFinished = false
    }

    let request: Request
    let context: SessionContext
    private let gate = AsyncGate()
    private let state = Mutex(State())
    /// What the response says beside the session's cookies.
    let extras = Mutex(PendingClientState())

    init(request: Request, context: SessionContext) {
        self.request = request
        self.context = context
    }

    var reservedKey: String { self.context.configuration.reservedKey }
    var limits: SessionValueLimits { self.context.configuration.valueLimits }
    var settings: GuardSettings { self.context.configuration.guardSettings }

    /// The time at which something happens now, as far as this request is concerned.
    var now: Timestamp { self.context.clock.completion(of: self.request) }

    // MARK: What handlers use, see Session

    /// The visit, after the session was read and checked.
    func visit() async throws -> SessionVisit {
        try await self.gate.withTurn { try await self.loaded() }
    }

    /// Adds an edit to be committed with the response.
    func edit(_ change: (inout SessionVisit) throws -> Void) async throws {
        try await self.gate.withTurn {
            var visit = try await self.loaded()
            try self.checkIsOpen()
            if visit.isBarred { throw self.needsHTTPS() }
            try change(&visit)
            self.keep(visit)
        }
    }

    /// Changes values under the session's lock and commits at once, together with all that is pending.
    func update<Outcome: Sendable>(_ body: @escaping (inout SessionValues) throws -> Outcome) async throws -> Outcome {
        try await self.gate.withTurn {
            let visit = try await self.loaded()
            if visit.isBarred { throw self.needsHTTPS() }
            if visit.identifier == nil && !visit.isGone { try self.checkIsOpen() }
            guard let outcome = try await self.commit(visit, body) else { preconditionFailure("a body was given") }
            return outcome
        }
    }

    /// Releases a withheld session if it is one that `isMeant` approves of.
    func release(if isMeant: (SessionChallenge) -> Bool) async throws {
        try await self.gate.withTurn {
            var visit = try await self.loaded()
            guard let challenge = visit.withheld?.challenge, isMeant(challenge) else { return }
            try self.checkIsOpen()
            visit.release()
            self.keep(visit)
            self.tell(.released, visit)
        }
    }

    /// Ends the session at once; what is written later goes into a new one.
    func end() async throws {
        try await self.gate.withTurn {
            var visit = try await self.loaded()
            try self.checkIsOpen()
            if let identifier = visit.identifier {
                try await self.remove(identifier)
                self.tell(.logout, visit)
            }
            visit.detach()
            self.keep(visit)
        }
    }

    // MARK: What the middleware uses

    func loadIfChecked() async throws {
        guard self.context.isChecked(self.request) else { return }
        _ = try await self.visit()
    }

    /// Forgets what the handler wanted changed and has not committed.
    func discardEdits() {
        self.state.withLock { state in
            guard let visit = state.visit else { return }
            var kept = SessionEdits()
            if visit.edits.clears { kept.clear() }
            state.visit?.edits = kept
            state.visit?.rotates = false
            state.visit?.renewsSecureKey = false
        }
    }

    /// Commits what is pending and sets the cookies.
    ///
    /// - Throws: `HTTPError` with status 503 when the session could not be stored; no cookie was set then.
    func finish(_ response: inout Response) async throws {
        let visit: SessionVisit? = try await self.gate.withTurn {
            // A request that never touched its session leaves it alone, unless it is to be written with every request.
            if self.state.withLock({ $0.visit == nil }) && !self.settings.savesEveryRequest {
                self.state.withLock { $0.isFinished = true }
                return nil
            }
            let visit = try await self.loaded()
            _ = try await self.commit(visit, nil as ((inout SessionValues) throws -> Void)?)
            return self.state.withLock { state in
                state.isFinished = true
                return state.visit
            }
        }
        guard let visit else { return }
        if !visit.isGone {
            let deletesAll = !self.settings.profile.isCompatible
            try self.context.cookies.set(visit.changes, identifier: visit.identifier, deletesAll: deletesAll, in: &response)
        }
        try self.addExtras(to: &response, after: visit)
    }

    // MARK: Reading and checking

    private func loaded() async throws -> SessionVisit {
        if let visit = self.state.withLock({ $0.visit }) { return visit }
        let visit: SessionVisit
        do {
            visit = try await self.load()
        } catch {
            throw self.unavailable(error)
        }
        self.keep(visit)
        if visit.isRefused && visit.withheld == nil && self.settings.refusal == .forbid { throw HTTPError.forbidden }
        return visit
    }

    private func needsHTTPS() -> any Error {
        self.request.logger.error(
            "a session was written over plain HTTP, where it cannot exist: serve the page over HTTPS, or set PSESSION_HTTPS_ONLY=false"
        )
        return HTTPError(.forbidden, message: "This page needs HTTPS.")
    }

    // MARK: Committing

    /// Commits a visit's edits and the guard's transition in one locked step, or without any lock when nothing is to be stored.
    private func commit<Outcome: Sendable>(
        _ visit: SessionVisit,
        _ body: ((inout SessionValues) throws -> Outcome)?
    ) async throws -> Outcome? {
        if visit.isGone { return try self.runOnNothing(body) }
        do {
            let outcome = try await SessionCommit(visit: visit, context: self.context, now: self.now, body: body)
                .run(using: self.random()) { self.keep($0) }
            self.tellOutcome(of: visit, self.state.withLock { $0.visit })
            if case let user?? = visit.edits.user { try await self.enforceLimit(of: user.name) }
            return outcome
        } catch let error as SessionStoreError {
            throw self.unavailable(error)
        }
    }

    private func enforceLimit(of user: String) async throws {
        guard let identifier = self.state.withLock({ $0.visit?.identifier }) else { return }
        if try await self.context.repository.enforceLimit(user: user, at: self.now, begun: identifier) { return }
        if let visit = self.state.withLock({ $0.visit }) { self.tell(.limit, visit, user: user) }
        self.state.withLock { $0.visit?.lose() }
        throw SessionError.tooManySessions
    }

    /// The session ended while this request was under way: it gets an answer, but nothing is stored.
    private func runOnNothing<Outcome>(_ body: ((inout SessionValues) throws -> Outcome)?) throws -> Outcome? {
        var values = SessionValues()
        return try body?(&values)
    }

    // MARK: Small parts

    func create(
        _ record: SessionRecord,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout SessionRandom
    ) async throws(SessionStoreError) -> SessionIdentifier {
        let expiresAt = self.settings.expiry(of: record, at: now)
        return try await self.context.repository.create(record, expiresAt: expiresAt, at: now, keys: keys, using: &generator)
    }

    private func remove(_ identifier: SessionIdentifier) async throws {
        do {
            try await self.removeStored(identifier)
        } catch {
            throw self.unavailable(error)
        }
    }

    func removeStored(_ identifier: SessionIdentifier) async throws(SessionStoreError) {
        var generator = self.random()
        try await self.context.repository.change(identifier, at: .distantPast, using: &generator) { _ in (.remove, ()) }
    }

    func random() -> SessionRandom {
        SessionRandom(source: self.context.configuration.randomSource)
    }

    private func keep(_ visit: SessionVisit) {
        self.state.withLock { $0.visit = visit }
    }

    private func checkIsOpen() throws {
        if self.state.withLock({ $0.isFinished }) { throw SessionError.responseSent }
    }

    /// What a client is told when the store fails: to come back.
    ///
    /// What was stored before is intact.
    func unavailable(_ error: SessionStoreError) -> any Error {
        self.request.logger.error("the session store has failed", metadata: ["session.error": "\(error)"])
        // The application stores more than a session may hold; coming back would not help.
        if error.code == .tooLarge { return error }
        return HTTPError(.serviceUnavailable, cause: error).adding("2", for: .retryAfter)
    }
}
