internal import FastCGIServer
internal import HTTPHandling
internal import LinuxSupport
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import WorkerSupervision

extension Application {
    /// Serves requests until the process is told to stop (SIGTERM or SIGINT), then returns.
    ///
    /// Started by hand, it supervises ``ApplicationConfiguration/workers`` processes of the same program; started by such a supervisor, it
    /// is one of them. With 0 workers it serves by itself.
    ///
    /// - Throws: ``ConfigurationError`` when the listener cannot be opened; ``ApplicationError`` when the workers cannot be kept running. See
    ///   ``ApplicationConfiguration/ownsProcess``.
    public func run() async throws {
        do {
            try await self.runInRole()
        } catch  where self.configuration.ownsProcess {
            let code = (error as? ApplicationError)?.exitCode ?? SupervisorExitCode.unusableConfiguration
            ProcessExit.fail("\(error)", code: code)
        }
    }

    private func runInRole() async throws {
        if let inheritance = self.takeInheritance() {
            try await self.work(inheritance)
        } else if self.configuration.workers == 0 {
            try await self.serveAlone()
        } else {
            try await self.supervise()
        }
    }

    // MARK: Roles

    private func supervise() async throws {
        guard let program = ProcessFacts.executablePath else { throw ApplicationError.noProgramPath }
        let listener = try self.openListener()
        let file = listener.socketFile
        let configuration = SupervisorConfiguration(
            workers: self.configuration.workers,
            programPath: program,
            arguments: CommandLine.arguments,
            environmentFile: self.configuration.environmentFile,
            gracePeriod: self.configuration.drainTimeout + .seconds(10),
            heartbeatTimeout: self.configuration.heartbeatTimeout,
            memoryLimit: self.configuration.workerMemoryLimit,
            observationInterval: self.heartbeatInterval
        )
        let supervisor = try Supervisor(configuration: configuration, listener: listener.intoDescriptor(), logger: self.logger)
        self.logger.info("supervising", metadata: ["listen": "\(self.configuration.listen)", "workers": "\(configuration.workers)"])
        let code = await self.sweeping {
            await withGracefulShutdownHandler {
                await supervisor.run()
            } onGracefulShutdown: {
                supervisor.send(.stop)
            }
        }
        file?.remove()
        if code != 0 { throw ApplicationError.workersFailed(exitCode: code) }
    }

    private func work(_ inheritance: consuming WorkerInheritance) async throws {
        var inheritance = inheritance
        guard let descriptor = inheritance.takeListener() else { throw ApplicationError.noListener }
        let seat = WorkerSeat(inheritance, maximumRequests: self.configuration.maximumRequests)
        let server = try self.makeServer(listener: try Listener.adopt(descriptor), surroundings: seat)
        if let lifeLine = inheritance.takeLifeLine() {
            // Its end means that the supervisor is gone: finish what runs, and go as well.
            server.watch(lifeLine) { server.drain(isAlone: true) }
        }
        if let inbox = inheritance.takeInbox() { server.serveArrivals(from: inbox) }
        let report = inheritance.report
        try await self.serve(with: server) {
            seat.serves()
            try? report.ready()
        }
    }

    /// How often workers show that they live and are looked at.
    private var heartbeatInterval: Duration {
        min(.seconds(1), (self.configuration.heartbeatTimeout ?? .seconds(4)) / 4)
    }

    private func serveAlone() async throws {
        let listener = try self.openListener()
        let file = listener.socketFile
        let server = try self.makeServer(listener: listener)
        try await self.sweeping {
            try await withTaskCancellationOrGracefulShutdownHandler {
                try await self.serve(with: server, stoppingOnSignals: self.configuration.handlesSignals) {}
            } onCancelOrGracefulShutdown: {
                server.drain()
            }
        }
        file?.remove()
    }

    // MARK: Parts

    private func openListener() throws -> Listener {
        do {
            let address = try ListenerAddress(self.configuration.listen)
            if case .unix(let path) = address { PrivateFile.makeParents(of: path) }
            return try Listener.open(address)
        } catch {
            throw ConfigurationError(setting: "PARANOID_LISTEN", problem: "\(error)")
        }
    }

    private func makeServer(
        listener: consuming Listener,
        surroundings: (any ServerSurroundings)? = nil
    ) throws -> FastCGIServer {
        var settings = FastCGIServerConfiguration()
        settings.threads = self.configuration.threads
        settings.readTimeout = self.configuration.readTimeout
        settings.writeTimeout = self.configuration.writeTimeout
        settings.drainTimeout = self.configuration.drainTimeout
        settings.heartbeatInterval = self.heartbeatInterval
        settings.requestDeadline = self.configuration.requestDeadline
        settings.requestGrace = self.configuration.requestGrace
        let adapter = FastCGIHandlerAdapter(responder: self.makeResponder(), hasDeadline: self.configuration.requestDeadline != nil)
        let executor = ExecutorReference()
        let server = try FastCGIServer(
            listener: listener,
            configuration: settings,
            surroundings: surroundings,
            logger: self.logger
        ) { request in
            await adapter.handle(request, executor: executor.value)
        }
        executor.set(server.executor)
        return server
    }

    private func serve(with server: FastCGIServer, stoppingOnSignals: Bool = true, whenReady: () -> Void) async throws {
        guard stoppingOnSignals else {
            whenReady()
            return await server.run()
        }
        let signals = try SignalSource([.terminate, .interrupt])
        server.watch(try signals.duplicateDescriptor()) { server.drain() }
        whenReady()
        await server.run()
        _ = signals.read()
    }

    /// Runs `body` while expired sessions are being removed.
    private func sweeping<Outcome: Sendable>(_ body: @escaping @Sendable () async throws -> Outcome) async rethrows -> Outcome {
        guard let interval = self.configuration.sweepInterval else { return try await body() }
        let sweeping = SessionSweeping(
            repository: self.sessions,
            interval: interval,
            rate: self.configuration.sweepRate,
            clock: self.clock,
            logger: self.logger
        )
        return try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                await sweeping.run()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let finished = try await group.next() {
                if let outcome = finished { return outcome }
            }
            preconditionFailure("the body ends with an outcome or throws")
        }
    }
}

/// The server's executor, which exists only after the server, for a handler that has to be there before.
private final class ExecutorReference: Sendable {
    private let executor = Mutex<(any TaskExecutor)?>(nil)

    var value: any TaskExecutor {
        guard let executor = self.executor.withLock({ $0 }) else { preconditionFailure("requests are served after the server is made") }
        return executor
    }

    func set(_ executor: any TaskExecutor) {
        self.executor.withLock { $0 = executor }
    }
}
