public import ParanoidHTTP
internal import FastCGIServer
internal import FileSessionStore
public import ParanoidSessions
public import HTTPTypes
internal import ParanoidLinux
public import Logging
internal import WorkerSupervisor
internal import Synchronization

/// A FastCGI application: handlers, sessions, and the processes that serve them.
///
/// ```swift
/// let app = try Application(configuration: .fromEnvironment())
/// app.get("/hello") { request in "hello\n" }
/// try await app.run()
/// ```
///
/// The same program is supervisor and worker: ``run()`` starts it again for each worker. Register everything before that.
public final class Application: RouterMethods, Sendable {
    /// The settings.
    public let configuration: ApplicationConfiguration
    /// Where log lines go that concern no particular request.
    public let logger: Logger
    /// The sessions, for work outside of requests.
    package let sessions: SessionRepository
    /// What has happened to the sessions of this process so far.
    public let sessionStatistics: SessionStatistics
    /// What time it is outside of requests.
    let clock: SystemSessionClock
    private let router = Router()
    private let inheritance: Mutex<WorkerBootstrap?>
    private let listener: Mutex<Listener?>
    private let seat = Mutex<WorkerContext?>(nil)

    /// Prepares an application: checks the session directory and reads the server's secrets, creating both where they are absent.
    ///
    /// - Parameters:
    ///   - configuration: The settings.
    ///   - logger: Where log lines go; standard error unless given.
    ///   - clock: What time it is for requests; the system's unless given, see ``SystemSessionClock``.
    ///   - store: Where sessions are kept; files in the configured directory unless given.
    /// - Throws: ``ConfigurationError`` when a setting cannot be used here; see ``ApplicationConfiguration/ownsProcess``.
    public init(
        configuration: ApplicationConfiguration,
        logger: Logger? = nil,
        clock: (any SessionClock)? = nil,
        store: (any SessionStore)? = nil
    ) throws {
        let logger = logger ?? configuration.logFormat.logger(label: "paranoid", level: configuration.logLevel)
        do {
            // First of all, as it expects certain descriptors where the supervisor has put them.
            let inheritance = try WorkerBootstrap.adopt()
            let isFirstProcess = inheritance == nil
            self.inheritance = Mutex(inheritance)
            if configuration.ownsProcess, isFirstProcess {
                self.listener = Mutex(try Self.prepare(configuration))
            } else {
                self.listener = Mutex(nil)
            }
            if configuration.ownsProcess { try WorkerHygiene.apply() }
            self.sessions = try Self.repository(configuration, store: store, logger: logger)
        } catch  where configuration.ownsProcess {
            ProcessExit.fail("\(error)", code: SupervisorExitCode.unusableConfiguration)
        }
        self.configuration = configuration
        self.logger = logger
        self.clock = store == nil ? SystemSessionClock(sessionDirectory: configuration.sessionDirectory) : SystemSessionClock()
        var sessionConfiguration = configuration.sessions
        sessionConfiguration.randomSource = { words in
            unsafe withUnsafeMutableBytes(of: &words) { bytes in unsafe SystemRandom.fill(bytes) }
        }
        let (bits4, bits6) = configuration.addressPrefix
        sessionConfiguration.network = { NetworkPrefix.bytes(around: $0, version4: bits4, version6: bits6) }
        let middleware = SessionMiddleware(repository: self.sessions, configuration: sessionConfiguration, clock: clock ?? self.clock)
        self.sessionStatistics = middleware.statistics
        self.router.add(middleware: middleware)
    }

    /// Registers a handler, see `RouterMethods`.
    public func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String) {
        self.router.register(handler, method: method, pattern: pattern)
    }

    /// Adds middleware around all handlers, inside of what was added before; sessions are outermost.
    public func add(middleware: any HTTPMiddleware) {
        self.router.add(middleware: middleware)
    }

    /// Answers a request that comes from this process, through the same middleware and guard as all others.
    public func respond(to request: InProcessRequest) async -> Response {
        await InProcessResponder(responder: self.makeResponder()).respond(to: request)
    }

    /// What this process has from its supervisor; `nil` if it is no worker, or from the second call on.
    func takeInheritance() -> WorkerBootstrap? {
        self.inheritance.withLock { $0.take() }
    }

    /// The listener, if it was opened before this process became another user; `nil` from the second call on.
    func takeListener() -> Listener? {
        self.listener.withLock { $0.take() }
    }

    /// How things are with the workers, and how often a limit was reached.
    ///
    /// Meant for handlers and what else runs in a worker; before ``run()`` and in the supervisor everything is 0.
    public var statistics: ServerStatistics {
        guard let seat = self.seat.withLock({ $0 }) else { return ServerStatistics() }
        return ServerStatistics(seat.totals) { seat.board.value(ofCounter: $0.rawValue) }
    }

    /// Makes the place of this process among its siblings known.
    func sit(on seat: WorkerContext) {
        self.seat.withLock { $0 = seat }
    }

    func makeResponder() -> RequestResponder {
        RequestResponder(
            handler: self.router.freeze(),
            bodyLimit: self.configuration.bodyLimit,
            trustedProxies: self.configuration.trustedProxies.compactMap { NetworkPrefix($0) },
            securityHeaders: self.configuration.securityHeaders,
            logger: self.logger
        )
    }

    static func repository(
        _ configuration: ApplicationConfiguration,
        store: (any SessionStore)?,
        logger: Logger
    ) throws(ConfigurationError) -> SessionRepository {
        let secrets = try ServerSecretFile.load(configuration.secretFile)
        let kept: any SessionStore
        if let store { kept = store } else { kept = try Self.fileStore(configuration, logger) }
        var settings = SessionRepositoryConfiguration()
        settings.timeout = configuration.lockTimeout
        settings.limitPerUser = configuration.limitPerUser
        let file = configuration.secretFile
        let reload: @Sendable () -> ServerSecrets? = { try? ServerSecretFile.load(file) }
        let report: @Sendable (SessionIncident) -> Void = { incident in
            logger.error(
                "session given up",
                metadata: [
                    "session.handle": "\(incident.handle.map(\.description) ?? "-")", "session.problem": "\(incident.kind.rawValue)",
                ]
            )
        }
        return SessionRepository(store: kept, secrets: secrets, configuration: settings, report: report, reloadSecrets: reload)
    }

    private static func fileStore(_ configuration: ApplicationConfiguration, _ logger: Logger) throws(ConfigurationError)
        -> FileSessionStore
    {
        let settings = FileSessionStoreConfiguration(
            directory: configuration.sessionDirectory,
            durability: configuration.durability,
            maximumPayloadSize: configuration.sessions.valueLimits.sessionByteCount + 16 * 1024,
            reservedPercent: configuration.reservedPercent,
            maximumAnonymousSessions: configuration.anonymousLimit,
            allowsNetworkFileSystem: configuration.allowsNetworkStore
        )
        do {
            return try FileSessionStore(configuration: settings, logger: logger)
        } catch {
            throw ConfigurationError(setting: "PARANOID_SESSION_DIR", problem: "\(configuration.sessionDirectory) cannot be used: \(error)")
        }
    }
}
