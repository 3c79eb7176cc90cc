public import HTTPTypes
public import Logging
public import ParanoidHTTP
internal import ParanoidLinux
public import ParanoidSessions
public import ServiceLifecycle
internal import Synchronization
internal import WorkerSupervisor

/// A FastCGI application: handlers, sessions, and the processes that serve them.
///
/// ```swift
/// let app = try Application(configuration: .fromEnvironment())
/// app.get("/hello") { request in "hello\n" }
/// try await app.run()
/// ```
///
/// The same program is supervisor and worker: ``run()`` starts it again for each worker. Register everything before that.
///
/// An application can run in a `ServiceGroup` beside other services. Its environment then has `PARANOID_WORKERS=0`:
///
/// ```swift
/// var configuration = ApplicationConfiguration.fromEnvironment()
/// configuration.handlesSignals = false
/// let app = try Application(configuration: configuration)
/// let group = ServiceGroup(services: [database, app], gracefulShutdownSignals: [.sigterm, .sigint], logger: app.logger)
/// try await group.run()
/// ```
///
/// A graceful shutdown does what SIGTERM does otherwise: the server accepts nothing new and finishes what runs, then ``run()`` returns. With
/// workers, each of them is a process of its own that runs the program from its start, the other services included.
public final class Application: RouterMethods, Service, Sendable {
    /// The settings that the application was made with.
    package let configuration: ApplicationConfiguration
    /// The logger for lines that concern no particular request.
    ///
    /// Lines of this package that clients can cause have limits, see <doc:Events-and-log-messages>; the application's own lines have none.
    public let logger: Logger
    /// Counts the lines that are left out.
    let logLimits: LogLimits
    /// What this process does; known before ``run()``.
    public let role: ProcessRole
    /// The sessions, for work outside of requests.
    public let sessions: SessionAdministration
    /// The time of requests; `nil`: the system's.
    package let clock: (any SessionClock)?
    let access: SessionAccess
    private let router = Router()
    private let context = Mutex<WorkerContext?>(nil)
    private let openAccessLog = Mutex<AccessLog?>(nil)
    /// The limits in the order in which they were made.
    let rateLimits = Mutex<[RateLimit]>([])
    /// Where the web server asks whether a request may pass.
    let gatePath = Mutex<String?>(nil)
    private let errorHook = Mutex<(ErrorHook)?>(nil)
    let life = Mutex(ApplicationLife())

    /// Prepares an application, with no effect outside itself: files, sockets and the process are as before until ``run()``.
    ///
    /// - Parameters:
    ///   - configuration: The settings.
    ///   - logger: The logger; one that writes to standard error as the settings say unless given.
    ///   - clock: The time of requests; the system's unless given.
    ///   - store: The storage of sessions; files in the configured directory unless given.
    /// - Throws: ``ConfigurationError`` for a setting that cannot be used, as far as that shows without looking at the system.
    public init(
        configuration: ApplicationConfiguration,
        logger: Logger? = nil,
        clock: (any SessionClock)? = nil,
        store: (any SessionStore)? = nil
    ) throws(ConfigurationError) {
        try configuration.check()
        self.configuration = configuration
        self.role = WorkerBootstrap.isAnnounced ? .worker : configuration.workers == 0 ? .alone : .supervisor
        self.clock = clock
        self.logLimits = (logger?.handler as? LimitedLogHandler)?.limits ?? LogLimits()
        self.logger = self.logLimits.limit(logger ?? configuration.logFormat.logger(label: "paranoid", level: configuration.logLevel))
        self.access = SessionAccess(configuration, store: store, clock: clock, logger: self.logger)
        self.sessions = SessionAdministration(self.access)
    }

    /// Registers a handler for a method and a pattern; stops the program for a second one or a malformed pattern.
    ///
    /// `RouterMethods` describes patterns, and has shorter forms such as `get(_:use:)`.
    public func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String) {
        self.router.register(handler, method: method, pattern: pattern)
    }

    /// Adds middleware around all handlers, inside of what was added before; sessions are outermost.
    public func add(middleware: any HTTPMiddleware) {
        self.router.add(middleware: middleware)
    }

    /// Sets what makes the responses to errors: of handlers, of all middleware, and of requests that no route answers.
    ///
    /// It runs outside of all middleware and after session changes that were not committed are discarded. A later one replaces an earlier one.
    /// When it throws, the client gets ``RequestFailure/response``. Header fields of the error, such as `Allow`, are added to its response.
    ///
    /// ```swift
    /// app.onError { failure, request in
    ///     guard failure.response.status == .notFound else { return failure.response }
    ///     return Response.html("<h1>Nothing here</h1>", status: .notFound)
    /// }
    /// ```
    ///
    /// - Parameter makeResponse: Makes the response; ``RequestFailure/response`` is the one that there is without it.
    public func onError(_ makeResponse: @escaping @Sendable (RequestFailure, Request) async throws -> Response) {
        self.errorHook.withLock { $0 = makeResponse }
    }

    /// Responds to a request that comes from this process, through the same middleware and guard as all others.
    ///
    /// Before ``run()``, as in a test, the first call opens the sessions as ``run()`` does, and makes secret and directory where they are absent.
    ///
    /// - Throws: ``ConfigurationError`` when the sessions cannot be opened; never while ``run()`` serves.
    package func respond(to request: InProcessRequest) async throws(ConfigurationError) -> Response {
        await InProcessResponder(responder: try self.makeResponder(opening: .making)).respond(to: request)
    }

    /// The load of all workers, and the number of times that each limit was reached.
    ///
    /// For handlers and other code in a worker; before ``run()`` and in the supervisor every number is 0.
    public var statistics: ServerStatistics {
        guard let context = self.context.withLock({ $0 }) else { return ServerStatistics() }
        return ServerStatistics(context)
    }

    /// Makes the place of this process among its siblings known.
    func attach(_ context: WorkerContext) {
        self.context.withLock { $0 = context }
        self.access.countEvents(in: MetricsRegistry(scoreboard: context.scoreboard))
    }

    /// The access log of this process; `nil` while there is none.
    var accessLog: AccessLog? {
        get { self.openAccessLog.withLock { $0 } }
        set { self.openAccessLog.withLock { $0 = newValue } }
    }

    /// Method and pattern of each route, by its number.
    var routes: [(method: String, pattern: String)] { self.router.routes }

    /// What answers requests, with everything that was registered so far.
    func makeResponder(opening mode: SessionAccess.Mode) throws(ConfigurationError) -> RequestResponder {
        let errorResponder = ErrorResponder(hook: self.errorHook.withLock { $0 })
        var middleware = try self.access.open(mode).middleware
        middleware.errorResponder = errorResponder
        return RequestResponder(
            handler: SessionHandler(middleware: middleware, next: self.router.freeze()),
            bodyLimit: self.configuration.bodyLimit,
            trustedProxies: self.configuration.trustedProxies.compactMap { NetworkPrefix($0) },
            forwarding: self.configuration.forwarding,
            securityHeaders: self.configuration.securityHeaders,
            errorResponder: errorResponder,
            mount: self.configuration.mount,
            gatePath: self.gatePath.withLock { $0 },
            logger: self.logger
        )
    }
}

/// All handlers, with the sessions around them.
private struct SessionHandler: HTTPHandler {
    let middleware: SessionMiddleware
    let next: any HTTPHandler

    func handle(_ request: Request) async throws -> Response {
        try await self.middleware.handle(request, next: self.next)
    }
}
