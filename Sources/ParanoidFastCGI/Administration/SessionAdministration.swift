public import Logging
public import ParanoidSessions

/// The sessions of an application, for work outside of requests: within the application, or in a program beside it.
///
/// Nothing here reaches the contents of a session or a key.
public struct SessionAdministration: Sendable {
    private let access: SessionAccess

    init(_ access: SessionAccess) {
        self.access = access
    }

    /// Opens the sessions of an application that runs or has run, for a program beside it; makes nothing.
    ///
    /// Blocks for as long as the disk takes.
    ///
    /// - Throws: ``ConfigurationError`` when the session directory or the secret file of the settings are absent or cannot be used.
    public init(configuration: ApplicationConfiguration, logger: Logger? = nil) throws(ConfigurationError) {
        let logger = logger ?? configuration.logFormat.logger(label: "paranoid", level: configuration.logLevel)
        self.access = SessionAccess(configuration, store: nil, clock: nil, logger: logger)
        _ = try self.access.open(.reading)
    }

    private func open() throws(SessionStoreError) -> SessionAccess.Parts {
        do throws(ConfigurationError) {
            return try self.access.open(.reading)
        } catch {
            throw SessionStoreError(.unavailable, message: "\(error)", cause: error)
        }
    }

    /// A user's live sessions, the oldest login first.
    public func list(user: String) async throws(SessionStoreError) -> [SessionListing] {
        let parts = try self.open()
        return try await parts.repository.list(user: user, at: parts.clock.now)
    }

    /// Ends one of a user's sessions.
    ///
    /// - Returns: Whether it was a session of this user, and lived until now.
    public func revoke(_ handle: SessionHandle, of user: String) async throws(SessionStoreError) -> Bool {
        try await self.open().repository.revoke(handle, of: user)
    }

    /// Ends all sessions of a user and returns how many there were.
    public func revokeAll(user: String) async throws(SessionStoreError) -> Int {
        let parts = try self.open()
        return try await parts.repository.revokeAll(user: user, at: parts.clock.now)
    }

    /// Ends all sessions of all users and of all others, in one step.
    public func revokeEveryone() async throws(SessionStoreError) {
        let parts = try self.open()
        try await parts.repository.revokeEveryone(at: parts.clock.now)
    }

    /// Makes the index of users anew and returns how many sessions were missing from it.
    public func reindex() async throws(SessionStoreError) -> Int {
        try await self.open().repository.reindex()
    }

    /// Removes what has expired.
    public func sweep() async throws(SessionStoreError) -> SweepReport {
        let parts = try self.open()
        var total = SweepReport()
        while !total.isComplete { total.add(try await parts.repository.sweep(expiredAt: parts.clock.now, budget: 1000)) }
        return total
    }

    /// What has happened to the sessions in this process since it opened them.
    public var statistics: SessionStatistics {
        get throws(SessionStoreError) { try self.open().middleware.statistics }
    }
}
