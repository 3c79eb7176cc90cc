package import Logging
package import ParanoidSessions

/// Moves the sessions of an application from files to Redis or back, while the application serves.
package struct SessionMigration: Sendable {
    #if Redis
    /// Whom the stores tell what happens.
    private let access: SessionAccess
    #endif
    private let store: MigratingSessionStore

    /// Opens both stores; blocks for as long as the disk takes.
    ///
    /// - Parameter configuration: Names both, see ``ApplicationConfiguration/move(from:to:)``.
    /// - Throws: ``ConfigurationError`` when they cannot be used.
    package init(configuration: ApplicationConfiguration, logger: Logger? = nil) throws(ConfigurationError) {
        #if Redis
        let logger = logger ?? configuration.logFormat.logger(label: "paranoid", level: configuration.logLevel)
        guard configuration.previousStore != nil else {
            throw ConfigurationError(setting: "PARANOID_STORE_FROM", problem: "it names no store that sessions come from")
        }
        self.access = SessionAccess(configuration, store: nil, clock: nil, logger: logger)
        self.store = try self.access.makeMigratingStore()
        #else
        throw ConfigurationError(setting: "PARANOID_STORE_FROM", problem: "this program was built without the package trait Redis")
        #endif
    }

    /// Gives the new store the numbers of the old one, before the application reads both.
    package func prepare() async throws(SessionStoreError) { try await self.store.prepare() }

    /// Moves all sessions; it may be stopped at any time and begun again.
    ///
    /// - Parameter progress: Told from time to time how many parts of how many are done.
    package func run(progress: (Int, Int) -> Void = { _, _ in }) async throws(SessionStoreError) -> MigratingSessionStore.Report {
        try await self.store.moveAll(progress: progress)
    }
}

extension ApplicationConfiguration {
    /// Names the stores of a move as settings do; what is `nil` stays as the environment has it.
    ///
    /// - Throws: ``ConfigurationError`` as for the settings.
    package mutating func move(from old: String?, to new: String?) throws(ConfigurationError) {
        if let old { self.previousStore = SessionStoreChoice(text: old) }
        if let new { self.store = SessionStoreChoice(text: new) }
        try self.check()
    }
}
