public import Logging
public import ParanoidSessions

/// The sessions of an application, for programs beside it: the same files and secrets, without serving anything.
///
/// Within the application, ``Application/sessions`` does the same.
public struct SessionAdministration: Sendable {
    private let sessions: SessionRepository
    private let clock: SystemSessionClock

    /// Opens the session directory and the secrets that a configuration names; they have to be there.
    ///
    /// - Throws: ``ConfigurationError`` when one of them cannot be used.
    public init(configuration: ApplicationConfiguration, logger: Logger? = nil) throws(ConfigurationError) {
        let logger = logger ?? Logger(label: "paranoid", factory: { StreamLogHandler.standardError(label: $0) })
        self.sessions = try Application.repository(configuration, store: nil, logger: logger)
        self.clock = SystemSessionClock(sessionDirectory: configuration.sessionDirectory)
    }

    /// A user's live sessions, the oldest login first.
    public func list(user: String) async throws(SessionStoreError) -> [SessionListing] {
        try await self.sessions.list(user: user, at: self.clock.now)
    }

    /// Ends one of a user's sessions.
    ///
    /// - Returns: Whether it was one of this user's, and lived until now.
    public func revoke(_ handle: SessionHandle, of user: String) async throws(SessionStoreError) -> Bool {
        try await self.sessions.revoke(handle, of: user)
    }

    /// Ends all sessions of a user and returns how many there were.
    public func revokeAll(user: String) async throws(SessionStoreError) -> Int {
        try await self.sessions.revokeAll(user: user, at: self.clock.now)
    }

    /// Ends all sessions of everybody, in one step.
    public func revokeEveryone() async throws(SessionStoreError) {
        try await self.sessions.revokeEveryone()
    }

    /// Makes the index of users anew and returns how many sessions were missing from it.
    public func reindex() async throws(SessionStoreError) -> Int {
        try await self.sessions.reindex()
    }

    /// Removes what has expired.
    public func sweep() async throws(SessionStoreError) -> SweepReport {
        var total = SweepReport()
        while !total.isComplete { total.add(try await self.sessions.sweep(expiredAt: self.clock.now, budget: 1000)) }
        return total
    }
}
