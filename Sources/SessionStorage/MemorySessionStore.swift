public import SessionSecurity
internal import Synchronization

/// A store for tests and single-process development; sessions die with the process.
public final class MemorySessionStore: SessionStore {
    private let sessions = Mutex<[SessionName: StoredSession]>([:])

    /// Creates an empty store.
    public init() {}

    /// The number of sessions and tombstones stored.
    public var count: Int { self.sessions.withLock { $0.count } }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        self.sessions.withLock { $0[name] }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        try self.sessions.withLock { (sessions) throws(SessionStoreError) in
            guard sessions[name] == nil else { throw SessionStoreError(.nameTaken, message: "the session exists") }
            sessions[name] = session
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func modify<Result: Sendable>(
        _ name: SessionName,
        patience: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        try self.sessions.withLock { (sessions) throws(SessionStoreError) in
            let (change, result) = body(sessions[name])
            switch change {
            case .keep: break
            case .write(let session):
                guard let current = sessions[name] else { throw SessionStoreError(.gone, message: "the session is not there") }
                precondition(session.generation == current.generation + 1, "a change counts the generation up by 1")
                sessions[name] = session
            case .remove: sessions[name] = nil
            }
            return result
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        self.sessions.withLock { sessions in
            if sessions[name]?.generation == generation { sessions[name] = nil }
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        self.sessions.withLock { sessions in
            var report = SweepReport()
            report.examined = sessions.count
            sessions = sessions.filter { now < $0.value.expiresAt }
            report.live = sessions.count
            report.removed = report.examined - report.live
            report.isComplete = true
            return report
        }
    }
}
