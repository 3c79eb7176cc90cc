internal import ParanoidHTTP
internal import HTTPTypes
internal import Logging
internal import Synchronization

/// One request's dealings with its session: does the I/O that ``SessionGuard`` asks for.
///
/// Operations of concurrent tasks of one request take turns at the gate; the mutex is held for moments only, never across a suspension.
final class SessionTransaction: Sendable {
    private enum Phase: Sendable {
        /// The session was not read yet, or is being read: a hook that is asked meanwhile sees this much.
        case arriving(TransactionState?)
        /// The session was read and checked, and the response is not on its way.
        case open(TransactionState)
        /// The response is on its way.
        case finished(TransactionState?)
    }

    let request: Request
    let context: SessionContext
    /// When the request arrived; not when its handler first asks for the session, which may be much later.
    let arrival: RequestArrival
    /// The number that a login carries which this request makes: that of its arrival, so that a password which was changed since makes none.
    private let epoch: Atomic<UInt64>
    private let gate = AsyncGate()
    private let phase = Mutex(Phase.arriving(nil))
    /// What the response says beside the session's cookies.
    let pending = Mutex(PendingClientState())

    init(request: Request, context: SessionContext) {
        self.request = request
        self.context = context
        self.arrival = context.arrival(of: request)
        self.epoch = Atomic(context.repository.loginEpoch)
    }

    var reservedKey: String { self.context.configuration.reservedKey }
    var limits: SessionValueLimits { self.context.configuration.valueLimits }
    var settings: GuardSettings { self.context.configuration.guardSettings }

    /// The time at which something happens now, as far as this request is concerned.
    var now: Timestamp { self.context.clock.completion(of: self.request) }

    /// The request as handlers and hooks get it, which can be asked for its session.
    func request(for view: Session.View) -> Request {
        var request = self.request
        request[SessionSlot.self] = Session(transaction: self, view: view)
        return request
    }

    var loginEpoch: UInt64 { self.epoch.load(ordering: .relaxed) }

    /// Takes note that the request itself has ended older logins.
    func raiseLoginEpoch(to epoch: UInt64) { self.epoch.max(epoch, ordering: .relaxed) }

    // MARK: What handlers use, see Session

    /// What the request knows of its session, after the session was read and checked.
    func state() async throws -> TransactionState {
        try await self.gate.withTurn { try await self.loaded() }
    }

    /// The same, as far as it is known now: reads nothing and waits for nobody.
    var knownState: TransactionState {
        switch self.phase.withLock({ $0 }) {
        case .open(let state), .arriving(let state?), .finished(let state?): return state
        case .arriving(nil), .finished(nil):
            let credentials = self.context.cookies.credentials(of: self.request)
            return TransactionState(credentials: credentials, arrivedAt: self.arrival.time, isCut: self.arrival.isCut, isChecked: true)
        }
    }

    /// Makes a change to be committed with the response.
    func edit(_ change: (inout TransactionState) throws -> Void) async throws {
        try await self.gate.withTurn {
            var state = try await self.loaded()
            try self.checkIsOpen()
            if case .barred = state.standing { throw self.needsHTTPS() }
            try change(&state)
            self.keep(state)
        }
    }

    /// Changes values under the session's lock and commits at once, together with all that is pending.
    func update<Outcome: Sendable>(_ body: @escaping (inout SessionValues) throws -> Outcome) async throws -> Outcome {
        try await self.gate.withTurn {
            let state = try await self.loaded()
            switch state.standing {
            case .barred: throw self.needsHTTPS()
            case .none, .withheld: try self.checkIsOpen()
            case .open, .ended: break
            }
            guard let outcome = try await self.commit(state, body) else { preconditionFailure("a body was given") }
            return outcome
        }
    }

    /// Releases a withheld session if it is one that `isMeant` approves of.
    func release(if isMeant: (SessionChallenge) -> Bool) async throws {
        try await self.gate.withTurn {
            var state = try await self.loaded()
            guard let challenge = state.withheld?.challenge, isMeant(challenge) else { return }
            try self.checkIsOpen()
            state.release()
            self.keep(state)
            self.tell(.released, state)
        }
    }

    /// Ends the session at once, also one that is withheld; what is written later goes into a new one.
    func end() async throws {
        try await self.gate.withTurn {
            var state = try await self.loaded()
            try self.checkIsOpen()
            if let session = state.session ?? state.withheld?.session {
                try await self.storing { () throws(SessionStoreError) in try await self.remove(session.identifier) }
                self.tell(.logout, state)
            }
            state.forget()
            self.keep(state)
        }
    }

    // MARK: What the middleware uses

    func loadIfChecked() async throws {
        guard self.isChecked else { return }
        _ = try await self.state()
    }

    /// Forgets what the handler wanted changed and has not committed.
    func discardEdits() {
        self.phase.withLock { phase in
            guard case .open(var state) = phase else { return }
            var kept = SessionEdits()
            if state.edits.clears { kept.clear() }
            state.edits = kept
            state.renewal = .keep
            phase = .open(state)
        }
    }

    /// Ends the transaction of a request that has not asked for its session, if it is one: such a request costs nothing more.
    ///
    /// It does not suspend, so that it can be asked where an `async` call would cost a request its memory.
    func finishUntouched() -> Bool {
        guard !self.settings.savesEveryRequest, self.gate.isFree else { return false }
        return self.phase.withLock { phase in
            guard case .arriving = phase else { return false }
            phase = .finished(nil)
            return true
        }
    }

    /// Commits what is pending and puts what the client has to know into the response.
    ///
    /// - Throws: `HTTPError` with status 503 when the session could not be stored; no cookie was set then.
    func finish(_ response: inout Response) async throws {
        let state: TransactionState? = try await self.gate.withTurn {
            // A request that never touched its session leaves it alone, unless it is to be written with every request.
            if case .arriving = self.phase.withLock({ $0 }), !self.settings.savesEveryRequest {
                self.phase.withLock { $0 = .finished(nil) }
                return nil
            }
            let state = try await self.loaded()
            _ = try await self.commit(state, nil as ((inout SessionValues) throws -> Void)?)
            return self.phase.withLock { phase in
                guard case .open(let state) = phase else { return nil }
                phase = .finished(state)
                return state
            }
        }
        if let state { try self.complete(&response, after: state) }
    }

    // MARK: State

    private func loaded() async throws -> TransactionState {
        switch self.phase.withLock({ $0 }) {
        case .open(let state), .finished(let state?): return state
        case .arriving, .finished(nil): break
        }
        let state = try await self.storing { () throws(SessionStoreError) in try await self.load() }
        self.keep(state)
        if case .none(.refused) = state.standing, self.settings.refusal == .forbid { throw HTTPError.forbidden }
        return state
    }

    func keep(_ state: TransactionState) {
        self.phase.withLock { phase in
            if case .finished = phase { phase = .finished(state) } else { phase = .open(state) }
        }
    }

    /// Lets hooks see what is known so far.
    func show(_ state: TransactionState) {
        self.phase.withLock { phase in
            if case .arriving = phase { phase = .arriving(state) }
        }
    }

    private func checkIsOpen() throws {
        if case .finished = self.phase.withLock({ $0 }) { throw SessionError.responseSent }
    }

    // MARK: Small parts

    /// Whether the guard checks the request.
    var isChecked: Bool { self.context.isChecked(self.request) { self.request(for: .hook) } }

    func random() -> SessionRandom { SessionRandom(source: self.context.configuration.randomSource) }

    private func needsHTTPS() -> any Error {
        self.request.logger.error(
            "a session was written over plain HTTP, where it cannot exist: serve the page over HTTPS, or set PSESSION_HTTPS_ONLY=false"
        )
        return HTTPError(.forbidden, message: "This page needs HTTPS.")
    }

    /// Runs something on the store; what fails there is told to the client as "come back later".
    func storing<Value>(_ body: () async throws(SessionStoreError) -> Value) async throws -> Value {
        do { return try await body() } catch { throw self.unavailable(error) }
    }

    /// What a client is told when the store fails; what was stored before is intact.
    func unavailable(_ error: SessionStoreError) -> any Error {
        self.request.logger.error("the session store has failed", metadata: ["error": "\(error)"])
        // The application stores more than a session may hold; coming back would not help.
        if error.code == .tooLarge { return error }
        return HTTPError(.serviceUnavailable, cause: error).adding("2", for: .retryAfter)
    }
}
