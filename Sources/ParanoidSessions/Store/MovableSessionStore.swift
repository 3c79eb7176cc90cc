/// What a store does besides so that sessions can be moved to it or from it, see ``MigratingSessionStore``.
package protocol MovableSessionStore: SessionStore {
    /// The numbers that count for all sessions; `nil` where nobody has made them.
    func numbers() async throws(SessionStoreError) -> SessionStoreNumbers?

    /// Raises the numbers to at least these, and makes them where there are none; when it returns, every process goes by them.
    ///
    /// Sessions of an epoch that is lower end by it.
    func raise(to numbers: SessionStoreNumbers) async throws(SessionStoreError)

    /// Adds a session as another store has kept it, of any generation.
    ///
    /// When it throws, the session is not added afterwards either.
    ///
    /// - Returns: `false` when something is stored under the name; that stays.
    func adopt(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) -> Bool

    /// How many parts the names of all sessions are listed in.
    var partCount: Int { get }

    /// The names of the sessions of one part, ended ones included.
    func names(inPart part: Int) async throws(SessionStoreError) -> [SessionName]
}

/// The numbers that a store counts epochs with.
package struct SessionStoreNumbers: Sendable, Hashable {
    /// See ``SessionStore/epoch()``.
    package var epoch: UInt64
    /// See ``SessionStore/loginEpoch``.
    package var loginEpoch: UInt64

    /// Creates numbers.
    package init(epoch: UInt64, loginEpoch: UInt64) {
        self.epoch = epoch
        self.loginEpoch = loginEpoch
    }
}

/// Keeps all tasks and processes apart that move a session of a name.
package protocol SessionMoveLocks: Sendable {
    /// Waits for the right to move; it is given up with the object, and with the death of the process.
    ///
    /// - Throws: ``SessionStoreError/Code/lockTimeout``.
    func lockForMove(of name: SessionName, timeout: Duration) async throws(SessionStoreError) -> any Sendable
}
