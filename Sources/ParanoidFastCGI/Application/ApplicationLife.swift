internal import ParanoidLinux
public import ServiceLifecycle
internal import Synchronization
internal import WorkerSupervisor

/// What a process of an application does.
public enum ProcessRole: Sendable, Hashable {
    /// It starts and watches the workers, and serves no request.
    case supervisor
    /// It serves requests, as one of several processes.
    case worker
    /// It serves requests without a supervisor (`PARANOID_WORKERS=0`): what is registered for supervisor or workers happens here, too.
    case alone

    /// Whose hooks and services a process of this role has, in the order of their start.
    var parts: [ProcessRole] { self == .alone ? [.supervisor, .worker, .alone] : [self] }
}

/// What happens when a process begins and ends, and what runs in it beside the server.
struct ApplicationLife: Sendable {
    typealias Hook = @Sendable () async throws -> Void

    var starts: [(role: ProcessRole, hook: Hook)] = []
    var stops: [(role: ProcessRole, hook: Hook)] = []
    var services: [(role: ProcessRole, service: any Service)] = []
}

extension Application {
    /// Has something done when a process of a role begins, before it serves; in the order of registration.
    ///
    /// The supervisor's hooks run once, before there are workers: the place for changes of a database's tables. A worker's hooks run in every
    /// worker, also in those that replace others: the place to open connections. A worker tells the supervisor only afterwards that it is ready.
    ///
    /// ```swift
    /// app.onStart(.supervisor) { try await database.migrate() }
    /// ```
    ///
    /// - Parameters:
    ///   - role: The processes that are meant; a process that serves alone is both supervisor and worker.
    ///   - body: When it throws, the process ends with one line on standard error; the supervisor then starts another worker after a pause.
    public func onStart(_ role: ProcessRole, _ body: @escaping @Sendable () async throws -> Void) {
        self.life.withLock { $0.starts.append((role, body)) }
    }

    /// Has something done when a process of a role has served its last request; the hook that was registered last runs first.
    ///
    /// - Parameters:
    ///   - role: The processes that are meant; a process that serves alone is both supervisor and worker.
    ///   - body: An error becomes the error that the process ends with.
    public func onStop(_ role: ProcessRole, _ body: @escaping @Sendable () async throws -> Void) {
        self.life.withLock { $0.stops.append((role, body)) }
    }

    /// Runs a service in each process of a role, beside the server.
    ///
    /// It begins with the server, and gets its graceful shutdown when the last request has been served. A service that throws has the process
    /// finish its requests and end with that error; one that returns is over.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - role: The processes that run it: by default those that serve requests. In `.supervisor` it runs once, beside the workers.
    public func add(service: any Service, in role: ProcessRole = .worker) {
        self.life.withLock { $0.services.append((role, service)) }
    }

    /// Makes an application with settings of the environment, has it set up, and runs it: the whole of a program.
    ///
    /// ```swift
    /// await Application.main { app in
    ///     let database = try Database(path: "guests.sqlite")
    ///     app.get("/hello") { _ in "hello\n" }
    /// }
    /// ```
    ///
    /// An error ends the process with one line on standard error, in place of a crash: with the exit code of a ``ConfigurationError`` (78, 75
    /// or 71) or of an ``ApplicationError``, and with 70 for any other (`sysexits.h`). Every process of the application runs this.
    ///
    /// - Parameters:
    ///   - configuration: The settings.
    ///   - setUp: Registers handlers, middleware, hooks and services.
    public static func main(
        configuration: ApplicationConfiguration = .fromEnvironment(),
        _ setUp: (Application) async throws -> Void
    ) async {
        do {
            let app = try Application(configuration: configuration)
            try await setUp(app)
            try await app.run()
        } catch {
            Self.end(error, configuration.logFormat)
        }
    }

    // MARK: Parts

    /// Runs a process of a role from its start hooks to its stop hooks.
    ///
    /// - Parameters:
    ///   - role: The role.
    ///   - body: What runs between them.
    package func living(as role: ProcessRole, _ body: () async throws -> Void) async throws {
        let life = self.life.withLock { $0 }
        for part in role.parts {
            for (wanted, hook) in life.starts where wanted == part { try await Self.run(hook) }
        }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        do {
            for part in role.parts.reversed() {
                for (wanted, hook) in life.stops.reversed() where wanted == part { try await Self.run(hook) }
            }
        } catch {
            try outcome.get()
            throw error
        }
        try outcome.get()
    }

    private static func run(_ hook: ApplicationLife.Hook) async throws {
        do { try await hook() } catch { throw error is ConfigurationError ? error : ApplicationError(of: error) }
    }

    /// Runs `body` with the services of a role beside it, and shuts them down when it is over.
    package func besideServices(of role: ProcessRole, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let services = self.life.withLock { life in
            role.parts.flatMap { part in life.services.filter { $0.role == part }.map(\.service) }
        }
        if services.isEmpty { return try await body() }
        var members = services.map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0,
                successTerminationBehavior: .ignore,
                failureTerminationBehavior: .gracefullyShutdownGroup
            )
        }
        // The last one is shut down first.
        members.append(
            ServiceGroupConfiguration.ServiceConfiguration(
                service: ServingService(body: body),
                successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup,
                serviceName: "server"
            )
        )
        do {
            try await ServiceGroup(configuration: ServiceGroupConfiguration(services: members, logger: self.logger)).run()
        } catch {
            throw error is ConfigurationError ? error : ApplicationError(of: error)
        }
    }

    /// Ends the process with one line on standard error and the exit code of an error.
    static func end(_ error: any Error, _ format: LogFormat) -> Never {
        format.fail(error, code: (error as? ConfigurationError)?.exitCode ?? ApplicationError(of: error).exitCode)
    }
}

/// The server among the services.
private struct ServingService: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws { try await self.body() }
}
