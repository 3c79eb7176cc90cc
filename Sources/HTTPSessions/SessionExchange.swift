internal import HTTPHandling
internal import HTTPTypes
internal import Logging
internal import SessionSecurity
internal import SessionStorage
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
    let extras = Mutex(SessionExtras())

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
            try change(&visit)
            self.keep(visit)
        }
    }

    /// Changes values under the session's lock and commits at once, together with all that is pending.
    func update<Outcome: Sendable>(_ body: @escaping (inout SessionValues) throws -> Outcome) async throws -> Outcome {
        try await self.gate.withTurn {
            let visit = try await self.loaded()
            if visit.identifier == nil && !visit.isGone { try self.checkIsOpen() }
            guard let outcome = try await self.commit(visit, body) else { preconditionFailure("a body was given") }
            return outcome
        }
    }

    /// Ends the session at once; what is written later goes into a new one.
    func end() async throws {
        try await self.gate.withTurn {
            var visit = try await self.loaded()
            try self.checkIsOpen()
            if let identifier = visit.identifier { try await self.remove(identifier) }
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
            state.visit?.renewsSecondKey = false
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
            let deletesAll = self.settings.profile == .paranoid
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
        if visit.isRefused && self.settings.refusal == .forbid { throw HTTPError.forbidden }
        return visit
    }

    private func load() async throws(SessionStoreError) -> SessionVisit {
        let claim = self.context.cookies.claim(of: self.request)
        let now = self.context.clock.arrival(of: self.request)
        var visit = SessionVisit(claim: claim, arrivedAt: now, isChecked: self.context.isChecked(self.request))
        if let identifier = claim.identifier {
            let found = try await self.context.repository.open(identifier, at: now)
            let opened = found.flatMap { self.settings.isOver($0.record, at: now) ? nil : $0 }
            visit.record = opened?.record
            visit.expiresAt = opened?.expiresAt
            if let opened, opened.identifier != identifier {
                visit.identifier = opened.identifier
                visit.isPending = opened.record.tracking?.predecessor == identifier
                visit.isSuperseded = !visit.isPending
            }
        }
        if visit.record == nil {
            visit.identifier = nil
            if claim.presentsIdentifier { visit.reason = .unknown }
        }
        guard visit.isChecked else { return visit }

        let keys = visit.identifier.flatMap { self.context.repository.keys(of: $0) }
        switch self.context.sessionGuard.decide(claim, on: visit.record, keys: keys, at: now) {
        case .anonymous: break
        case .begin: try await self.begin(&visit)
        case .adopt: try await self.adopt(&visit)
        case .accept(let reason, let needsSecondKey):
            visit.verdict = .accepted
            visit.reason = reason
            if visit.isSuperseded && reason == .current && visit.record?.tracking?.chain != nil {
                // The jar is the current one, only its identifier is not: a late answer brought an old one back.
                visit.isSuperseded = false
                visit.isPending = true
            }
            if needsSecondKey {
                var generator = self.random()
                visit.freshSecondKey = SecondKey(using: &generator)
                visit.isModified = true
            }
        case .reject(let reason): try await self.reject(&visit, reason)
        }
        return visit
    }

    private func begin(_ visit: inout SessionVisit) async throws(SessionStoreError) {
        var generator = self.random()
        let keys = self.context.repository.newestKeys
        let fingerprint = Fingerprint(of: visit.claim.traits, keys: keys)
        let tracking = SessionTracking(boundTo: fingerprint, at: visit.arrivedAt, using: &generator)
        let record = SessionRecord(createdAt: visit.arrivedAt, tracking: tracking)
        visit.identifier = try await self.create(record, at: visit.arrivedAt, keys: keys, using: &generator)
        visit.record = record
        visit.verdict = .new
        visit.reason = nil
        visit.isModified = true
        visit.isStored = true
    }

    /// Begins the tracking of a session that only unchecked requests have used so far, unless another request was faster.
    private func adopt(_ visit: inout SessionVisit) async throws(SessionStoreError) {
        guard let identifier = visit.identifier, let keys = self.context.repository.keys(of: identifier) else { return }
        var generator = self.random()
        var sealing = self.random()
        let fingerprint = Fingerprint(of: visit.claim.traits, keys: keys)
        let tracking = SessionTracking(boundTo: fingerprint, at: visit.arrivedAt, using: &generator)
        let settings = self.settings
        let now = visit.arrivedAt
        let record: SessionRecord? = try await self.context.repository.change(identifier, at: now, using: &sealing) { opened in
            guard var record = opened?.record else { return (.keep, nil) }
            if record.tracking != nil { return (.keep, record) }
            record.tracking = tracking
            return (.write(record, expiresAt: settings.expiry(of: record, at: now)), record)
        }
        visit.record = record
        if record?.tracking == tracking {
            visit.verdict = .new
            visit.reason = .adopted
            visit.isModified = true
            visit.isStored = true
        } else if record == nil {
            visit.isGone = true
            visit.reason = .ended
        } else {
            switch self.context.sessionGuard.decide(visit.claim, on: record, keys: keys, at: now) {
            case .reject(let reason): try await self.reject(&visit, reason)
            default: visit.verdict = .accepted
            }
        }
    }

    private func reject(_ visit: inout SessionVisit, _ reason: GuardReason) async throws(SessionStoreError) {
        visit.verdict = .rejected
        visit.reason = reason
        self.report(reason)
        if self.settings.profile == .paranoid {
            // Only proof that the jar was copied ends a session: nobody can use anything less to log its owner out.
            guard reason == .reuse else { return visit.leave() }
            if let identifier = visit.identifier { try await self.removeStored(identifier) }
            return visit.detach()
        }
        switch self.settings.clearing {
        case .flush:
            if let identifier = visit.identifier { try await self.removeStored(identifier) }
            visit.detach()
        case .wipe:
            visit.edits.clear()
            visit.isModified = true
        case .noop: break
        }
    }

    private func report(_ reason: GuardReason) {
        let metadata: Logger.Metadata = ["session.reason": "\(reason.rawValue)"]
        if reason == .reuse {
            self.request.logger.warning("session ended: two parties hold copies of its cookies", metadata: metadata)
        } else {
            self.request.logger.notice("session refused", metadata: metadata)
        }
        self.context.configuration.onRejection(self.request, reason)
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
            if visit.reason != .reuse, self.state.withLock({ $0.visit?.reason }) == .reuse { self.report(.reuse) }
            if case let user?? = visit.edits.user { try await self.enforceLimit(of: user.name) }
            return outcome
        } catch let error as SessionStoreError {
            throw self.unavailable(error)
        }
    }

    private func enforceLimit(of user: String) async throws {
        guard let identifier = self.state.withLock({ $0.visit?.identifier }) else { return }
        if try await self.context.repository.enforceLimit(user: user, at: self.now, begun: identifier) { return }
        self.state.withLock { $0.visit?.lose() }
        throw SessionError.tooManySessions
    }

    /// The session ended while this request was under way: it gets an answer, but nothing is stored.
    private func runOnNothing<Outcome>(_ body: ((inout SessionValues) throws -> Outcome)?) throws -> Outcome? {
        var values = SessionValues()
        return try body?(&values)
    }

    // MARK: Small parts

    private func create(
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

    private func removeStored(_ identifier: SessionIdentifier) async throws(SessionStoreError) {
        var generator = self.random()
        try await self.context.repository.change(identifier, at: .distantPast, using: &generator) { _ in (.remove, ()) }
    }

    private func random() -> SessionRandom {
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
