/// A place where sessions are kept between requests, shared by every thread of every worker process.
///
/// A store keeps a ``StoredSession`` under a ``SessionName``. It never sees an identifier, a secret or a value, knows nothing of cookies,
/// HTTP or policy, and so every store is sealed and merged alike above the store.
///
/// What every store guarantees (`SessionStoreConformance` in the testing library checks it):
/// - A change is complete or did not happen, whenever the process dies.
/// - When a call returns, its effect is visible to every worker; when it throws, what was stored before is intact.
/// - A session that was removed, or whose tombstone is there, does not come back: only ``create(_:named:)`` makes sessions, and it never
///   opens or replaces an existing one.
/// - Reads never wait for a writer.
public protocol SessionStore: Sendable {
    /// Reads a session without locking it; does not wait for writers.
    ///
    /// - Returns: The newest complete state, live or ended, expired or not; `nil` when there is none.
    /// - Throws: ``SessionStoreError/Code/damaged`` once for a session that cannot be read any more (afterwards it is absent),
    ///   ``SessionStoreError/Code/refused`` or ``SessionStoreError/Code/unavailable``.
    func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession?

    /// Adds a session with generation 1. Returns once it is visible to every worker.
    ///
    /// - Throws: ``SessionStoreError/Code/nameTaken`` when anything is stored under the name, else ``SessionStoreError/Code/tooLarge``,
    ///   ``SessionStoreError/Code/full`` or ``SessionStoreError/Code/unavailable``.
    func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError)

    /// Gives `body` the only view of a session, across all threads and workers, and does what it says.
    ///
    /// - Parameters:
    ///   - name: The session to lock. While others hold it the caller suspends; it holds no thread.
    ///   - timeout: How long to wait for the lock; `.zero` tries once.
    ///   - body: Sees the session as it is now, expired and ended ones included, or `nil` when there is none. It is synchronous, does no
    ///     I/O, and may run again if its change could not be applied as it was.
    /// - Returns: What `body` returned beside its change.
    /// - Throws: ``SessionStoreError/Code/lockTimeout`` when `timeout` ran out, ``SessionStoreError/Code/tooManyWaiting``,
    ///   ``SessionStoreError/Code/gone`` when `body` wants to write a session that is not there, and all that ``read(_:)`` and
    ///   ``create(_:named:)`` throw.
    func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result

    /// Puts a session aside whose bytes are whole but do not open: somebody tampered with them, or they belong elsewhere.
    ///
    /// Does nothing when the session has another generation by now.
    func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError)

    /// The names of all sessions whose head carries a user's tag, in no order.
    ///
    /// May name sessions that are over; never leaves out one whose creation or change has returned.
    func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName]

    /// The number that new sessions carry, see ``StoredSession/epoch``; it costs no look at the storage where that can be had.
    func epoch() async throws(SessionStoreError) -> UInt64

    /// Begins a new epoch and so ends all sessions of earlier ones, in one step: when it returns, no worker finds one of them any more.
    ///
    /// For ``read(_:)`` and ``modify(_:timeout:_:)`` they are absent, those too that are being created meanwhile;
    /// ``sweep(expiredAt:budget:)`` removes what is left of them.
    func beginEpoch() async throws(SessionStoreError)

    /// The number that logins carry whose request arrives now, see ``StoredSession/loginEpoch``; the same or greater at every look.
    ///
    /// It is kept in memory, as every request asks for it. A number that lags behind makes a login void and a revoked one never valid.
    var loginEpoch: UInt64 { get }

    /// Draws a number that is greater than all that logins carry, and that logins carry from now on.
    func beginLoginEpoch() async throws(SessionStoreError) -> UInt64

    /// Ends all sessions and remembered logins of a user that carry a lower number, in one step, those too that are being created, renamed or
    /// changed meanwhile; other users' stand.
    ///
    /// For ``read(_:)`` and ``modify(_:timeout:_:)`` they are absent. A lower number than one of an earlier call changes nothing.
    func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError)

    /// Makes the list of users' sessions anew from the sessions themselves, while they are in use.
    ///
    /// - Returns: How many sessions were missing from it.
    func reindex() async throws(SessionStoreError) -> Int

    /// Removes sessions and tombstones that expired before `now`, outside of any request.
    ///
    /// - Parameter budget: The most entries to look at; a later call goes on where this one stopped.
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport
}

/// What is to become of a session that ``SessionStore/modify(_:timeout:_:)`` holds.
public enum SessionChange: Sendable {
    /// Leave it as it is.
    case keep
    /// Replace it; the generation is that of the session seen plus 1.
    case write(StoredSession)
    /// Remove it: the name is free of it at once, also for those who had it open.
    case remove
}
