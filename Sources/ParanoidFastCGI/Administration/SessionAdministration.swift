package import Logging
internal import ParanoidLinux
public import ParanoidSessions

/// The sessions of an application, for work outside of requests: within the application, or in a program beside it.
///
/// Nothing here reaches the contents of a session or a key.
public struct SessionAdministration: Sendable {
    private let access: SessionAccess
    private let administrator: KeptEvent.Administrator

    init(_ access: SessionAccess) {
        self.access = access
        self.administrator = .application
    }

    /// Opens the sessions of an application that runs or has run, for the command-line tool; makes nothing.
    ///
    /// Blocks for as long as the disk takes.
    ///
    /// - Throws: ``ConfigurationError`` when the session directory or the secret file of the settings are absent or cannot be used.
    package init(configuration: ApplicationConfiguration, logger: Logger? = nil) throws(ConfigurationError) {
        let logger = logger ?? configuration.logFormat.logger(label: "paranoid", level: configuration.logLevel)
        self.administrator = .tool
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
    ///
    /// Like all calls here it suspends while the store works, and does not wait for requests.
    ///
    /// - Throws: `SessionStoreError` when the store cannot be used.
    public func list(user: String) async throws(SessionStoreError) -> [SessionListing] {
        let parts = try self.open()
        return try await parts.repository.list(user: user, at: parts.clock.now)
    }

    /// Ends one of a user's sessions.
    ///
    /// - Returns: Whether the session was this user's and was live.
    /// - Throws: `SessionStoreError` when the store cannot be used.
    public func revoke(_ handle: SessionHandle, of user: String) async throws(SessionStoreError) -> Bool {
        let parts = try self.open()
        let hasEnded = try await parts.repository.revoke(handle, of: user, at: parts.clock.now)
        if hasEnded { parts.journal?.noteRevocation(of: user, handle: handle, count: 1, by: self.administrator, at: parts.clock.now) }
        return hasEnded
    }

    /// Ends all sessions and remembered logins of a user.
    ///
    /// - Returns: The number of sessions that this has ended.
    /// - Throws: `SessionStoreError` when the store cannot be used.
    public func revokeAll(user: String) async throws(SessionStoreError) -> Int {
        let parts = try self.open()
        let count = try await parts.repository.revokeAll(user: user, at: parts.clock.now).count
        if count > 0 { parts.journal?.noteRevocation(of: user, handle: nil, count: count, by: self.administrator, at: parts.clock.now) }
        return count
    }

    /// Ends all sessions in one step, those without a user included.
    ///
    /// - Throws: `SessionStoreError` when the store cannot be used.
    public func revokeEveryone() async throws(SessionStoreError) {
        let parts = try self.open()
        try await parts.repository.revokeEveryone()
        parts.journal?.noteRevocation(of: nil, handle: nil, count: 0, by: self.administrator, at: parts.clock.now)
    }

    /// What the file of events (`PARANOID_EVENT_FILE`) has kept of a user, the oldest first; `nil` where nothing is kept.
    package func events(ofUser user: String) throws(SessionStoreError) -> [KeptEvent]? {
        guard let journal = try self.open().journal else { return nil }
        do throws(SystemCallError) {
            return try journal.events(ofUser: user)
        } catch {
            throw SessionStoreError(.unavailable, message: "the file of events cannot be read: \(error)", cause: error)
        }
    }

    /// A user that has sessions and whose name differs from `user` by one letter or by blanks and case; `nil` when there is none.
    ///
    /// The store knows users by keyed tags only, so each name that is near is asked for.
    package func similarUser(to user: String) async throws(SessionStoreError) -> String? {
        let parts = try self.open()
        for name in NearestName.neighbours(of: user) where try await parts.repository.knows(user: name) { return name }
        return nil
    }

    /// What log lines call a user (`session.user`), under each of the server's secrets, the newest first.
    package func logTags(ofUser user: String) throws(SessionStoreError) -> [(secret: UInt8, tag: String)] {
        try self.open().repository.logTags(ofUser: user)
    }

    /// Rebuilds the index of users and returns the number of sessions that were missing from it.
    package func reindex() async throws(SessionStoreError) -> Int {
        try await self.open().repository.reindex()
    }

    /// Removes all expired sessions; it takes as long as the store needs to look at every session.
    ///
    /// - Throws: `SessionStoreError` when the store cannot be used.
    public func sweep() async throws(SessionStoreError) -> SweepReport {
        let parts = try self.open()
        var total = SweepReport()
        while !total.isComplete {
            let part = try await parts.repository.sweep(expiredAt: parts.clock.now, budget: 1000)
            parts.journal?.note(expired: part.expired)
            total.add(part)
        }
        return total
    }

    /// The number of times that something has happened to a session, in all processes since the supervisor has started.
    ///
    /// The status and the metrics say the same. A process that serves nothing, such as a test, counts by itself.
    ///
    /// - Throws: `SessionStoreError` when the sessions cannot be opened.
    public func count(of kind: SessionEvent.Kind) throws(SessionStoreError) -> Int {
        let own = try self.open().middleware.statistics
        return self.access.sharedRegistry?.count(of: kind) ?? own.count(of: kind)
    }

    /// The number of times that a request of this process has replaced a value as a whole that another request had changed in the meantime.
    ///
    /// The later request has won. `Session.merge` and `Session.update` lose nothing.
    ///
    /// - Throws: `SessionStoreError` when the sessions cannot be opened.
    public var conflicts: Int {
        get throws(SessionStoreError) { try self.open().middleware.statistics.conflicts }
    }
}
