/// A store that does most things at once: it reads without waiting, and a lock that nobody holds is taken without suspending.
///
/// The repository asks such a store first and suspends only where somebody has to be waited for. A store that implements
/// ``SessionStore`` alone works as well, with a suspension for each step.
package protocol ImmediateSessionStore: SessionStore {
    /// The same as ``SessionStore/read(_:)``, without suspending.
    func readNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateRead

    /// The same as ``SessionStore/create(_:named:)``, without suspending.
    func createNow(_ session: StoredSession, named name: SessionName) throws(SessionStoreError)

    /// The same as ``SessionStore/epoch()``, without suspending.
    func epochNow() throws(SessionStoreError) -> UInt64

    /// Locks a session if nobody holds it.
    ///
    /// - Throws: What ``SessionStore/modify(_:timeout:_:)`` throws, but for what comes of waiting.
    func lockNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateLock

    /// Locks a session; the caller suspends while others hold it.
    ///
    /// - Returns: The lock; `nil` when there is no session.
    /// - Throws: What ``SessionStore/modify(_:timeout:_:)`` throws.
    func lock(_ name: SessionName, timeout: Duration) async throws(SessionStoreError) -> (any LockedSession)?
}

/// What a look without waiting has found.
package enum ImmediateRead: Sendable {
    /// The newest complete state.
    case session(StoredSession)
    /// There is none.
    case absent
    /// It cannot be told without waiting.
    case later
}

/// What a try for a lock has brought.
package enum ImmediateLock {
    /// The lock.
    case locked(any LockedSession)
    /// There is no session.
    case absent
    /// Somebody holds it.
    case later
}

/// The only view of a session, across all threads and workers, for as long as the object exists.
///
/// Nobody suspends while holding one.
package protocol LockedSession: AnyObject {
    /// The session as it is now, expired and ended ones included; `nil` when there is none.
    var current: StoredSession? { get }

    /// Makes one change; at most once.
    ///
    /// - Throws: What ``SessionStore/modify(_:timeout:_:)`` throws; what was stored before is intact then.
    func commit(_ change: SessionChange) throws(SessionStoreError)
}

extension ImmediateSessionStore {
    package func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        try self.createNow(session, named: name)
    }

    package func epoch() async throws(SessionStoreError) -> UInt64 { try self.epochNow() }

    package func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        let locked: (any LockedSession)?
        switch try self.lockNow(name) {
        case .locked(let lock): locked = lock
        case .absent: locked = nil
        case .later: locked = try await self.lock(name, timeout: timeout)
        }
        let (change, result) = body(locked?.current)
        if let locked {
            try locked.commit(change)
        } else if case .write = change {
            throw SessionStoreError(.gone, message: "there is no session \(name)")
        }
        return result
    }
}
