internal import FileSessionStore
internal import Logging
package import ParanoidHTTP
internal import ParanoidLinux
package import ParanoidSessions
internal import Synchronization

/// The sessions of an application for this process: opened once, by the first call that needs them.
final class SessionAccess: Sendable {
    /// What happens where secret or session directory are absent.
    enum Mode: Sendable {
        /// They are made. Only the first process of an application does this, and it makes no secret where sessions exist: all of them
        /// would be lost, and workers that still have the old secret would disagree with new ones.
        case making
        /// The call fails and changes nothing: workers and the command-line tool.
        case reading
    }

    /// What there is once they are open.
    struct Parts: Sendable {
        let repository: SessionRepository
        /// What has happened to users' sessions; `nil`: nobody keeps it.
        let journal: EventJournal?
        let middleware: SessionMiddleware
        let clock: SystemSessionClock
    }

    let configuration: ApplicationConfiguration
    private let store: (any SessionStore)?
    private let clock: (any RequestClock)?
    let logger: Logger
    private let parts = Mutex<Parts?>(nil)
    private let registry = AtomicLazyReference<RegistryHolder>()

    private final class RegistryHolder: Sendable {
        let registry: MetricsRegistry

        init(_ registry: MetricsRegistry) {
            self.registry = registry
        }
    }

    /// Notes what is needed, without opening anything.
    ///
    /// - Parameters:
    ///   - store: The storage; `nil`: files in the configured directory.
    ///   - clock: The time of requests; `nil`: the system's.
    init(_ configuration: ApplicationConfiguration, store: (any SessionStore)?, clock: (any SessionClock)?, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.clock = clock.map { ($0 as? any RequestClock) ?? TimesOfRequests(by: $0) }
        self.logger = logger
    }

    /// Has the events of sessions counted for all processes together, from now on.
    func countEvents(in registry: MetricsRegistry) {
        _ = self.registry.storeIfNil(RegistryHolder(registry))
    }

    /// The counters of all processes; `nil` in one that has none in common with others.
    var sharedRegistry: MetricsRegistry? { self.registry.load()?.registry }

    /// Whether there are session files: the storage is neither the application's own nor in a Redis, or its sessions come from files.
    var keepsFiles: Bool { self.store == nil && self.configuration.usesFiles }

    /// Whether the processes of this host share the session directory, if only for the clock and the limits of rates.
    var hasDirectory: Bool { self.store == nil }

    /// Opens the sessions, or returns what was opened before; blocks for as long as the disk takes.
    func open(_ mode: Mode) throws(ConfigurationError) -> Parts {
        try self.parts.withLock { (parts) throws(ConfigurationError) in
            if let parts { return parts }
            let opened = try self.makeParts(mode)
            parts = opened
            return opened
        }
    }

    private func makeParts(_ mode: Mode) throws(ConfigurationError) -> Parts {
        // The directory is looked at first: whether it holds sessions decides whether a secret may be made.
        let presence = self.keepsFiles ? try self.presence(mode) : .absent
        let secrets: ServerSecrets
        switch mode {
        case .reading: secrets = try ServerSecretFile.read(self.configuration.secretFile)
        case .making:
            let holdsSessions = presence == .holdsSessions
            secrets = try ServerSecretFile.readOrMake(
                self.configuration.secretFile,
                unlessSessionsIn: holdsSessions ? self.configuration.sessionDirectory : nil
            )
        }
        let repository = try self.makeRepository(secrets)
        let clock = self.hasDirectory ? SystemSessionClock(sessionDirectory: self.configuration.sessionDirectory) : SystemSessionClock()
        var sessions = self.configuration.sessions
        sessions.randomSource = { words in
            unsafe withUnsafeMutableBytes(of: &words) { bytes in unsafe SystemRandom.fill(bytes) }
        }
        let journal = self.configuration.eventFile.map { EventJournal($0, repository: repository, logger: self.logger) }
        let metrics = SessionMetrics.ofProcess()
        sessions.observe = { [weak self] event in
            self?.registry.load()?.registry.count(event.kind)
            metrics?.count(event.kind)
            journal?.note(event)
        }
        sessions.cookies.suffix = self.configuration.mount.cookieSuffix
        let prefix = self.configuration.addressPrefix
        sessions.network = { NetworkPrefix.bytes(around: $0, version4: prefix.version4, version6: prefix.version6) }
        return Parts(
            repository: repository,
            journal: journal,
            middleware: SessionMiddleware(repository: repository, configuration: sessions, clock: self.clock ?? clock),
            clock: clock
        )
    }

    private func presence(_ mode: Mode) throws(ConfigurationError) -> SessionDirectoryPresence {
        let path = self.configuration.sessionDirectory
        let presence: SessionDirectoryPresence
        do {
            presence = try SessionDirectoryPresence(at: path)
        } catch {
            throw self.unusableDirectory(error)
        }
        guard presence == .absent, mode == .reading else { return presence }
        throw ConfigurationError(
            setting: "PARANOID_SESSION_DIR",
            problem: "\(path) is not the session directory of an application; only the first process of an application makes one"
        )
    }

    private func makeRepository(_ secrets: ServerSecrets) throws(ConfigurationError) -> SessionRepository {
        var settings = SessionRepositoryConfiguration()
        settings.timeout = self.configuration.lockTimeout
        settings.goneWindow = self.configuration.sessions.guardSettings.goneWindow
        let policy = self.configuration.sessionsPerUserPolicy
        settings.limitPerUser = self.configuration.sessionsPerUser.map { SessionLimit($0, policy: policy) }
        let file = self.configuration.secretFile
        let logger = self.logger
        let store: any SessionStore
        if let given = self.store { store = given } else { store = try self.makeStore() }
        return SessionRepository(
            store: store,
            secrets: secrets,
            configuration: settings,
            report: { incident in
                logger.error(
                    "session given up",
                    metadata: [
                        "session.handle": "\(incident.handle.map(\.description) ?? "-")", "session.problem": "\(incident.kind.rawValue)",
                    ]
                )
            },
            reloadSecrets: {
                do throws(ConfigurationError) {
                    return try ServerSecretFile.read(file)
                } catch {
                    logger.error("the server's secrets cannot be read again", metadata: ["error": "\(error)"])
                    return nil
                }
            }
        )
    }

    func unusableDirectory(_ error: any Error) -> ConfigurationError {
        let text = "\(error)"
        let path = self.configuration.sessionDirectory
        // Most errors name a directory, which may be one above.
        return ConfigurationError(
            setting: "PARANOID_SESSION_DIR",
            problem: text.contains(path) ? "cannot be used: \(text)" : "\(path) cannot be used: \(text)",
            remedy: Remedy(of: error)
        )
    }
}

/// The system's wall clock.
///
/// The one that an application makes for itself does not follow a step of more than a minute until the clock has stood by it for ten minutes,
/// so that a clock that is wrong for a moment ends no session; all processes of a session directory agree on the time.
package struct SystemSessionClock: RequestClock {
    private let steady: SteadyWallClock?

    /// Creates a clock that follows the system's at once, wherever it steps.
    package init() {
        self.steady = nil
    }

    /// The clock of a session directory; without one that can be used, it follows the system's.
    init(sessionDirectory: String) {
        guard let directory = try? SecureDirectory.openOrCreate(sessionDirectory) else {
            self.steady = nil
            return
        }
        self.steady = try? SteadyWallClock(in: directory)
    }

    /// When the web server began to receive the request, as far as it says so; else when its head was seen here, or
    /// before its handler ran.
    package func arrival(of request: Request, seenAt: Timestamp) -> Timestamp {
        guard let arrival = RequestArrival.nanosecondsSinceEpoch(of: request) else { return seenAt }
        // The system's clock is the web server's, and not always ours.
        let (age, isOverflow) = arrival.subtractingReportingOverflow(WallClock.nanosecondsSinceEpoch())
        return isOverflow ? seenAt : self.now.advanced(byNanoseconds: age)
    }

    /// The time now.
    package func completion(of request: Request) -> Timestamp { self.now }

    /// The time now.
    package var now: Timestamp {
        Timestamp(nanosecondsSinceEpoch: self.steady?.nanosecondsSinceEpoch() ?? WallClock.nanosecondsSinceEpoch())
    }

    /// By how much the system's clock has stepped without being followed so far; `nil` when it has not.
    var unconfirmedJump: Duration? { self.steady?.unconfirmedJump.map { .nanoseconds($0) } }
}
