internal import ParanoidHTTP
internal import Synchronization

// Whose turn it is, and how far the transaction has come.
extension SessionTransaction {
    /// Waits for the turn, and has the session read if it was not yet; who called passes the turn on.
    func begin() async throws {
        if !self.takeTurn() { await self.waitForTurn() }
        do {
            if try !self.loadNow() { try await self.load() }
        } catch {
            self.passTurn()
            throw error
        }
    }

    /// Takes the turn and has the session read, if neither takes waiting.
    ///
    /// - Returns: Whether the turn was taken; who called passes it on.
    func takeTurnNow() throws -> Bool {
        guard self.takeTurn() else { return false }
        do {
            if try self.loadNow() { return true }
        } catch {
            self.passTurn()
            throw error
        }
        self.passTurn()
        return false
    }

    func takeTurn() -> Bool {
        self.progress.withLock { progress in
            if progress.hasTurn { return false }
            progress.hasTurn = true
            return true
        }
    }

    /// Ignores cancellation: who waits here has to leave the session in a known state.
    func waitForTurn() async {
        await withCheckedContinuation { continuation in
            let isMine = self.progress.withLock { progress in
                if progress.hasTurn {
                    progress.waiting.append(continuation)
                    return false
                }
                progress.hasTurn = true
                return true
            }
            if isMine { continuation.resume() }
        }
    }

    func passTurn() {
        let isWaitedFor = self.progress.withLock { progress in
            progress.hasTurn = !progress.waiting.isEmpty
            return progress.hasTurn
        }
        if isWaitedFor { self.resumeNext() }
    }

    /// The turn stays taken, so nobody takes the next one's place meanwhile.
    @inline(never)
    private func resumeNext() {
        self.progress.withLock { $0.waiting.removeFirst() }.resume()
    }

    /// Has the session read and checked if that takes no waiting.
    ///
    /// - Returns: Whether it is read now.
    func loadNow() throws -> Bool {
        if self.isLoaded { return true }
        return try self.load { () throws(SessionStoreError) in try self.arriveNow() }
    }

    /// The same for a request that changes its session at once; where that is read here, its lock stays with the caller.
    func loadNow(locking locked: inout SessionRepository.Locked?) throws -> Bool {
        if self.isLoaded { return true }
        return try self.load { () throws(SessionStoreError) in try self.arriveNow(locking: &locked) }
    }

    @inline(never)
    private func load(_ arrive: () throws(SessionStoreError) -> TransactionState?) throws -> Bool {
        let start = self.request.trace.map { _ in ContinuousClock.now }
        defer { if let start { self.request.trace?.add(since: start, to: .guard) } }
        let state: TransactionState?
        do throws(SessionStoreError) { state = try arrive() } catch { throw self.unavailable(error) }
        guard let state else { return false }
        try self.enter(state)
        return true
    }

    func load() async throws {
        let start = self.request.trace.map { _ in ContinuousClock.now }
        defer { if let start { self.request.trace?.add(since: start, to: .guard) } }
        let state = try await self.storing { () throws(SessionStoreError) in try await self.arrive() }
        try self.enter(state)
    }

    func enter(_ state: TransactionState) throws {
        self.keep(state)
        if case .none(.refused) = state.standing, self.settings.refusal == .forbid { throw HTTPError.forbidden }
    }

    var isLoaded: Bool {
        self.progress.withLock { progress in
            switch progress.phase {
            case .open, .finished(_?): true
            case .arriving, .finished(nil): false
            }
        }
    }

    /// Whether the session is being read, or was when that failed.
    var isPostponed: Bool {
        self.progress.withLock { if case .arriving(_?) = $0.phase { true } else { false } }
    }

    var isUntouched: Bool {
        self.progress.withLock { if case .arriving = $0.phase { true } else { false } }
    }

    /// Lets nothing be changed any more.
    func close() {
        self.progress.withLock { progress in
            switch progress.phase {
            case .arriving: progress.phase = .finished(nil)
            case .open(let state): progress.phase = .finished(state)
            case .finished: break
            }
        }
    }

    func keep(_ state: TransactionState) {
        self.progress.withLock { progress in
            if case .finished = progress.phase { progress.phase = .finished(state) } else { progress.phase = .open(state) }
        }
    }

    /// Lets hooks see what is known so far.
    func show(_ state: TransactionState) {
        self.progress.withLock { progress in
            if case .arriving = progress.phase { progress.phase = .arriving(state) }
        }
    }

    func checkIsOpen() throws {
        if self.progress.withLock({ if case .finished = $0.phase { true } else { false } }) { throw SessionError.responseSent }
    }

    /// Whether a change of a session that has ended fails.
    ///
    /// Profile `compatible` drops it, as the package of 2009 knew no such error.
    var saysWhatEnded: Bool { self.settings.behaviour.hasRotationChains }

    func checkIsWritable() throws {
        switch self.ask({ $0.standing }) {
        case .barred: throw self.needsHTTPS()
        case .none, .withheld: try self.checkIsOpen()
        case .ended: if self.saysWhatEnded { throw SessionError.ended }
        case .open: break
        }
    }
}
