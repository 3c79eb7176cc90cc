internal import Synchronization

/// A store in memory: for tests and for one process; its sessions die with the process.
package final class MemorySessionStore: ImmediateSessionStore {
    private struct Kept {
        var sessions: [SessionName: StoredSession] = [:]
        var epoch: UInt64 = 1
        var locked: Set<SessionName> = []
        var loginEpoch: UInt64 = 1
        var loginEpochs: [UserTag: UInt64] = [:]

        subscript(name: SessionName) -> StoredSession? {
            self.sessions[name].flatMap { self.isEnded($0) ? nil : $0 }
        }

        func isEnded(_ session: StoredSession) -> Bool {
            if session.epoch < self.epoch { return true }
            guard let tag = session.userTag, let epoch = self.loginEpochs[tag] else { return false }
            return session.loginEpoch < epoch
        }
    }

    private let kept = Mutex(Kept())

    /// Creates an empty store.
    package init() {}

    /// The number of sessions and tombstones stored.
    package var count: Int { self.kept.withLock { $0.sessions.count } }

    /// The names of all that is stored, in no order.
    package var names: [SessionName] { self.kept.withLock { Array($0.sessions.keys) } }

    package func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        self.kept.withLock { $0[name] }
    }

    package func readNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateRead {
        self.kept.withLock { $0[name] }.map { .session($0) } ?? .absent
    }

    package func createNow(_ session: StoredSession, named name: SessionName) throws(SessionStoreError) {
        try self.kept.withLock { (kept) throws(SessionStoreError) in
            guard kept.sessions[name] == nil else { throw SessionStoreError(.nameTaken, message: "the session exists") }
            kept.sessions[name] = session
        }
    }

    package func lockNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateLock {
        self.kept.withLock { $0.locked.insert(name).inserted } ? .locked(Lock(name: name, store: self)) : .later
    }

    package func lock(_ name: SessionName, timeout: Duration) async throws(SessionStoreError) -> (any LockedSession)? {
        let end = ContinuousClock.now.advanced(by: timeout)
        while true {
            if case .locked(let lock) = try self.lockNow(name) { return lock }
            guard ContinuousClock.now < end else { throw SessionStoreError(.lockTimeout, message: "session \(name) is locked") }
            await Task.yield()
        }
    }

    private final class Lock: LockedSession {
        private let name: SessionName
        private let store: MemorySessionStore
        let current: StoredSession?

        init(name: SessionName, store: MemorySessionStore) {
            self.name = name
            self.store = store
            self.current = store.kept.withLock { $0[name] }
        }

        deinit {
            _ = self.store.kept.withLock { [name] in $0.locked.remove(name) }
        }

        func commit(_ change: SessionChange) throws(SessionStoreError) {
            try self.store.kept.withLock { [name] (kept) throws(SessionStoreError) in
                switch change {
                case .keep: break
                case .write(let session):
                    guard let current = kept[name] else { throw SessionStoreError(.gone, message: "the session is not there") }
                    precondition(session.generation == current.generation + 1, "a change counts the generation up by 1")
                    kept.sessions[name] = session
                case .remove: kept.sessions[name] = nil
                }
            }
        }
    }

    package func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        self.kept.withLock { kept in
            if kept.sessions[name]?.generation == generation { kept.sessions[name] = nil }
        }
    }

    package func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] {
        self.kept.withLock { kept in kept.sessions.filter { $0.value.userTag == tag }.map(\.key) }
    }

    package func epochNow() throws(SessionStoreError) -> UInt64 { self.kept.withLock { $0.epoch } }

    package func beginEpoch() async throws(SessionStoreError) {
        self.kept.withLock { $0.epoch += 1 }
    }

    package var loginEpoch: UInt64 { self.kept.withLock { $0.loginEpoch } }

    package func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 {
        self.kept.withLock { kept in
            kept.loginEpoch += 1
            return kept.loginEpoch
        }
    }

    package func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        self.kept.withLock { $0.loginEpochs[tag] = max($0.loginEpochs[tag] ?? 0, epoch) }
    }

    package func reindex() async throws(SessionStoreError) -> Int { 0 }

    package func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        self.kept.withLock { kept in
            var report = SweepReport()
            report.examined = kept.sessions.count
            kept.sessions = kept.sessions.filter { [kept] in now < $0.value.expiresAt && !kept.isEnded($0.value) }
            report.live = kept.sessions.count
            report.anonymous = kept.sessions.count { $0.value.userTag == nil }
            report.removed = report.examined - report.live
            report.isComplete = true
            return report
        }
    }
}
