internal import ParanoidHTTP
internal import HTTPTypes
internal import Logging
internal import Synchronization

/// One request's dealings with its session, in three steps.
///
/// The session is read and checked when somebody first asks for it, it is changed, and what has changed is committed before the response
/// leaves. ``SessionGuard`` decides; this does the I/O that it asks for.
///
/// Operations of concurrent tasks of one request take turns, first come, first served; who waits suspends and holds no thread. As a rule
/// nobody waits, for a turn, a lock or a read, and then nothing suspends: what can be done at once is done in plain functions.
final class SessionTransaction: Sendable {
    enum Phase: Sendable {
        /// The session was not read yet, or is being read: a hook that is asked meanwhile sees this much.
        case arriving(TransactionState?)
        /// The session was read and checked, and the response is not on its way.
        case open(TransactionState)
        /// The response is on its way.
        case finished(TransactionState?)
    }

    struct Progress: Sendable {
        var phase = Phase.arriving(nil)
        var hasTurn = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let request: Request
    let context: SessionContext
    /// The time before the handler ran: a request that does not use its session costs this look at the clock and no more.
    private let seenAt: Timestamp
    private let judgedArrival = Mutex<RequestArrival?>(nil)
    /// Held for moments only, never while something is read, decided or written.
    let progress = Mutex(Progress())
    /// The number that a login carries which this request makes: that of its arrival, so that a password which was changed since makes none.
    private let epoch: Atomic<UInt64>
    /// What the response says beside the session's cookies.
    let pending = Mutex(PendingClientState())

    init(request: Request, context: SessionContext) {
        self.request = request
        self.context = context
        self.seenAt = context.clock.completion(of: request)
        self.epoch = Atomic(context.repository.loginEpoch)
    }

    var reservedKey: String { self.context.configuration.reservedKey }
    var limits: SessionValueLimits { self.context.configuration.valueLimits }
    var settings: GuardSettings { self.context.configuration.guardSettings }

    /// When the request arrived, judged once; not when its handler first asks for the session, which may be much later.
    var arrival: RequestArrival {
        self.judgedArrival.withLock { judged in
            if let judged { return judged }
            let arrival = self.context.arrival(of: self.request, seenAt: self.seenAt)
            judged = arrival
            return arrival
        }
    }

    /// The time at which something happens now, as far as this request is concerned.
    var now: Timestamp { self.context.clock.completion(of: self.request) }

    /// The request as handlers and hooks get it, which can be asked for its session.
    func request(for view: Session.View) -> Request {
        var request = self.request
        request[SessionSlot.self] = SessionSlot(session: Session(transaction: self, view: view))
        return request
    }

    var loginEpoch: UInt64 { self.epoch.load(ordering: .relaxed) }

    /// The same for a login that is made.
    ///
    /// - Throws: What ``unavailable(_:)`` says, where the store did not know it: the login might be void, and its user logged out at once.
    func knownLoginEpoch() throws -> UInt64 {
        let epoch = self.loginEpoch
        guard !self.context.repository.isUnknown(loginEpoch: epoch) else {
            throw self.unavailable(
                SessionStoreError(.unavailable, message: "the number that logins carry was not known at the request's arrival")
            )
        }
        return epoch
    }

    /// Takes note that the request itself has ended older logins.
    func raiseLoginEpoch(to epoch: UInt64) { self.epoch.max(epoch, ordering: .relaxed) }

    // MARK: What handlers use, see Session

    /// What the request knows of its session, after the session was read and checked.
    func state() async throws -> TransactionState { try await self.read { $0 } }

    /// Answers a question about it.
    func read<Answer: Sendable>(_ question: (TransactionState) -> Answer) async throws -> Answer {
        if try !self.isReady() { try await self.becomeReady() }
        return self.ask(question)
    }

    /// Whether the session is read and nobody is about to change it; reads it if that takes no waiting.
    @inline(never)
    private func isReady() throws -> Bool {
        let isReady = self.progress.withLock { progress in
            if progress.hasTurn { return false }
            return switch progress.phase {
            case .open, .finished(_?): true
            case .arriving, .finished(nil): false
            }
        }
        if isReady { return true }
        guard try self.takeTurnNow() else { return false }
        self.passTurn()
        return true
    }

    private func becomeReady() async throws {
        try await self.begin()
        self.passTurn()
    }

    /// The same, as far as it is known now: reads nothing and waits for nobody.
    ///
    /// The question must not come back here: it is asked in the middle of a look.
    @inline(never)  // in a function that suspends, the state would take room in its task
    func ask<Answer: Sendable>(_ question: (TransactionState) -> Answer) -> Answer {
        let answer: Answer? = self.progress.withLock { progress in
            switch progress.phase {
            case .open(let state), .arriving(let state?), .finished(let state?): return question(state)
            case .arriving(nil), .finished(nil): return nil
            }
        }
        return answer ?? question(self.arriving)
    }

    /// What is known now.
    var knownState: TransactionState { self.ask { $0 } }

    /// What a hook sees before anything was read.
    private var arriving: TransactionState {
        let credentials = self.context.cookies.credentials(of: self.request)
        let arrival = self.arrival
        return TransactionState(credentials: credentials, arrivedAt: arrival.time, isCut: arrival.isCut, isChecked: true)
    }

    /// Makes a change to be committed with the response.
    func edit(_ change: (inout TransactionState) throws -> Void) async throws {
        if try !self.takeTurnNow() { try await self.begin() }
        defer { self.passTurn() }
        try self.apply(change)
    }

    @inline(never)
    private func apply(_ change: (inout TransactionState) throws -> Void) throws {
        var state = self.knownState
        try self.checkIsOpen()
        if case .barred = state.standing { throw self.needsHTTPS() }
        if case .ended = state.standing, self.saysWhatEnded { throw SessionError.ended }
        try change(&state)
        self.keep(state)
    }

    /// Changes values under the session's lock and commits at once, together with all that is pending.
    ///
    /// Not generic: what a change returns is kept by the closure of whoever asks, who knows its type.
    func update(_ body: @escaping ValueChange) async throws {
        if try self.updateNow(body) { return }
        try await self.begin()
        defer { self.passTurn() }
        try self.checkIsWritable()
        try await self.commit(body)
    }

    /// The same where nobody has to be waited for; `false`: nothing was done.
    @inline(never)
    private func updateNow(_ body: @escaping ValueChange) throws -> Bool {
        guard self.takeTurn() else { return false }
        defer { self.passTurn() }
        // What begins with a change is read under the lock that the change takes: once.
        var locked: SessionRepository.Locked?
        guard try self.loadNow(locking: &locked) else { return false }
        try self.checkIsWritable()
        return try self.commitNow(body, under: locked.take())
    }

    /// Releases a withheld session if it is one that `isMeant` approves of.
    func release(if isMeant: (SessionChallenge) -> Bool) async throws {
        try await self.begin()
        defer { self.passTurn() }
        var state = self.knownState
        guard let challenge = state.withheld?.challenge, isMeant(challenge) else { return }
        try self.checkIsOpen()
        state.release()
        self.keep(state)
        self.tell(.released, state)
    }

    /// Ends the session at once, also one that is withheld; what is written later goes into a new one.
    func end() async throws {
        try await self.begin()
        defer { self.passTurn() }
        var state = self.knownState
        try self.checkIsOpen()
        if let session = state.session ?? state.withheld?.session {
            try await self.storing { () throws(SessionStoreError) in try await self.end(session.identifier) }
            self.tell(.logout, state)
        } else if case .none(.refused) = state.standing, state.reason == .ambiguous {
            try await self.storing { () throws(SessionStoreError) in try await self.endCandidates(of: state.credentials) }
        }
        state.forget()
        self.keep(state)
    }

    // MARK: What the middleware uses

    func loadIfChecked() async throws {
        guard self.isChecked else { return }
        try await self.begin()
        self.passTurn()
    }

    /// Forgets what the handler wanted changed and has not committed.
    func discardEdits() {
        self.progress.withLock { progress in
            guard case .open(var state) = progress.phase else { return }
            var kept = SessionEdits()
            if state.edits.clears { kept.clear() }
            state.edits = kept
            state.renewal = .keep
            progress.phase = .open(state)
        }
    }

    /// Ends the transaction of a request that has not asked for its session, if it is one: such a request costs nothing more.
    func finishUntouched() -> Bool {
        guard !self.settings.savesEveryRequest else { return false }
        return self.progress.withLock { progress in
            guard !progress.hasTurn, case .arriving = progress.phase else { return false }
            progress.phase = .finished(nil)
            return true
        }
    }

    /// Commits what is pending and puts what the client has to know into the response.
    ///
    /// - Throws: `HTTPError` with status 503 when the session could not be stored; no cookie was set then.
    func finish(_ response: inout Response) async throws {
        if try !self.finishNow(&response) { try await self.finishLater(&response) }
    }

    /// The same where nobody has to be waited for; `false`: nothing was done.
    @inline(never)
    private func finishNow(_ response: inout Response) throws -> Bool {
        guard self.isLoaded, try self.takeTurnNow() else { return false }
        defer { self.passTurn() }
        guard try self.commitNow(nil) else { return false }
        self.close()
        try self.complete(&response)
        return true
    }

    private func finishLater(_ response: inout Response) async throws {
        if !self.takeTurn() { await self.waitForTurn() }
        defer { self.passTurn() }
        if self.isUntouched && !self.settings.savesEveryRequest { return self.close() }
        if try !self.loadNow() { try await self.load() }
        try await self.commit(nil)
        self.close()
        try self.complete(&response)
    }

    // MARK: Small parts

    /// Whether the guard checks the request.
    var isChecked: Bool { self.context.isChecked(self.request) { self.request(for: .hook) } }

    func random() -> SessionRandom { SessionRandom(source: self.context.configuration.randomSource) }

    /// Refuses a request that may change something and could not keep it in a session, before its handler has changed anything.
    ///
    /// - Throws: ``HTTPError`` with status 403 over plain HTTP, unless sessions may be used there or the guard does not check the request.
    func requireHTTPS() throws {
        guard self.settings.isHTTPSOnly, !self.request.isSecure, self.isChecked else { return }
        throw self.needsHTTPS()
    }

    func needsHTTPS() -> any Error {
        self.request.logger.error(
            "a request needs HTTPS, and the web server does not say that it is: nginx has to send the parameter HTTPS (fastcgi_param HTTPS $https), or set PSESSION_HTTPS_ONLY=false"
        )
        return HTTPError(
            .forbidden,
            message: "This request needs HTTPS. If the client has used it, the web server has to say so with the parameter HTTPS."
        )
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
