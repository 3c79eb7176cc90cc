internal import FastCGIServer
internal import Logging
internal import ParanoidHTTP
internal import ParanoidLinux
internal import ServiceLifecycle
internal import Synchronization
internal import WorkerSupervisor

extension Application {
    /// Serves requests until the process is told to stop (SIGTERM or SIGINT), then returns.
    ///
    /// Started by hand, the program supervises as many processes of itself as `PARANOID_WORKERS` says; started by such a
    /// supervisor, it is one of them. With 0 workers it serves by itself.
    ///
    /// The process is prepared first: it adopts inherited descriptors or opens the listener, becomes the user that the settings name, forbids
    /// dumps, and makes new files private (umask 077). The first process of an application makes the session directory and a secret where they
    /// are absent; workers only read them.
    ///
    /// - Throws: ``ConfigurationError`` for a setting that cannot be used here; ``ApplicationError`` when the application cannot serve. With
    ///   ``ApplicationConfiguration/handlesSignals`` the process ends instead, with one line on standard error and an exit code.
    public func run() async throws {
        do {
            var start = try ProcessStart(self.configuration, logger: self.logger)
            if let bootstrap = start.bootstrap.take() {
                await self.runWorker(bootstrap)
            } else {
                ProcessTitle.set("supervisor", program: CommandLine.arguments.first)
                try await self.runFirst(start.listener.take(), status: start.statusListener.take())
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            let error = Self.reported(error)
            guard self.configuration.handlesSignals else { throw error }
            Self.end(error, self.configuration.logFormat)
        }
    }

    private func runFirst(_ opened: consuming Listener?, status: consuming Listener?) async throws {
        for name in self.configuration.sharedCookieNames {
            self.logger.warning(
                "a cookie's name is also that of an application at the root of the host",
                metadata: ["setting": "\(name)", "mount": "\(self.configuration.mount.path)"]
            )
        }
        // Before the listener, so that a start that fails here leaves no socket behind.
        _ = try self.access.open(.making)
        for limit in self.rateLimits.withLock({ $0 }) { limit.open() }
        var opened = consume opened
        var status = consume status
        try await self.living(as: self.role) {
            let listener: Listener
            if let given = opened.take() {
                listener = given
            } else {
                listener = try ProcessStart.openListener(self.configuration, logger: self.logger)
            }
            let statusListener: Listener?
            switch status.take() {
            case .some(let early): statusListener = consume early
            case .none: statusListener = try StatusSocket.open(self.configuration, logger: self.logger)
            }
            if self.role == .alone {
                try await self.serveAlone(listener, status: statusListener)
            } else {
                try await self.supervise(listener, status: statusListener)
            }
        }
    }

    /// Serves as a worker; one that cannot ends its process, as only its exit code tells the supervisor why.
    private func runWorker(_ bootstrap: consuming WorkerBootstrap) async {
        var bootstrap: WorkerBootstrap? = consume bootstrap
        do {
            try await self.living(as: .worker) {
                if let bootstrap = bootstrap.take() { try await self.work(bootstrap) }
            }
        } catch {
            Self.end(error, self.configuration.logFormat)
        }
    }

    /// An error of the application's own in place of one of the system or of another module.
    private static func reported(_ error: any Error) -> any Error {
        error is ConfigurationError || error is ApplicationError ? error : ApplicationError("\(error)")
    }

    // MARK: Roles

    private func supervise(_ listener: consuming Listener, status: consuming Listener?) async throws {
        guard let program = ProcessFacts.executablePath else { throw ApplicationError.noProgramPath }
        let file = listener.socketFile
        let isOwn = listener.isOwn
        // Whether the lists can be used is to be known before there are workers.
        _ = try self.configuration.admission(isUnix: listener.isUnix)
        var configuration = SupervisorConfiguration(
            workers: self.configuration.workers,
            programPath: program,
            arguments: CommandLine.arguments,
            environmentFile: self.configuration.environmentFile,
            gracePeriod: self.configuration.drainTimeout + .seconds(10),
            heartbeatTimeout: self.configuration.heartbeatTimeout,
            memoryLimit: self.configuration.workerMemoryLimit,
            observationInterval: self.heartbeatInterval
        )
        configuration.ownsListener = isOwn
        configuration.reviewSettings = { [settings = self.configuration] in settings.review($0) }
        if self.configuration.scaling == .dynamic {
            let bounds = self.configuration.minimumWorkers...max(self.configuration.minimumWorkers, self.configuration.maximumWorkers)
            configuration.workers = min(max(configuration.workers, bounds.lowerBound), bounds.upperBound)
            configuration.scaling = WorkerScaling.Rules(minimum: bounds.lowerBound, maximum: bounds.upperBound)
        }
        configuration.logFile = self.configuration.logFile.map { LogFile($0) }
        let name = file.map { SocketName($0, self.configuration, logger: self.logger) }
        let supervisor = try Supervisor(
            configuration: configuration,
            listener: listener.intoDescriptor(),
            logger: self.logger
        ) { [limits = self.logLimits, logger = self.logger] in
            limits.tellLeftOut(to: logger)
            return name?.renewedListener()
        }
        defer { self.logLimits.tellLeftOut(to: self.logger, isLast: true) }
        self.noteStart(workers: configuration.workers, memory: UsableMemory.ofThisProcess().limit)
        defer { name?.remove() }
        let board = StatusBoard(supervisor.scoreboard, supervisor: supervisor.status, routes: self.routes, self.configuration)
        let server = StatusServer.start(status, self.configuration, board, logger: self.logger)
        defer { server?.stop() }
        try await self.besideServices(of: .supervisor) {
            let code = try await self.sweeping(board) {
                await withGracefulShutdownHandler {
                    await supervisor.run()
                } onGracefulShutdown: {
                    supervisor.send(.stop)
                }
            }
            if code != 0 { throw ApplicationError.workersFailed(exitCode: code) }
        }
    }

    private func noteStart(workers: Int, memory: UsableMemory.Limit?) {
        var metadata: Logger.Metadata = ["listen": "\(self.configuration.listen)", "workers": .stringConvertible(workers)]
        if let memory { metadata["memory.limit"] = .stringConvertible(memory.bytes) }
        self.logger.info("supervising", metadata: metadata)
        guard let budget = MemoryBudget(self.configuration, limit: memory), let problem = budget.allowed ?? budget.share else { return }
        self.logger.warning(
            "the workers may need more memory than they are allowed",
            metadata: ["error": "\(problem.text)", "change": "\(problem.change)"]
        )
    }

    private func work(_ inheritance: consuming WorkerBootstrap) async throws {
        var inheritance = inheritance
        guard let descriptor = inheritance.takeListener() else { throw ApplicationError.noListener }
        let context = WorkerContext(inheritance, maximumRequests: self.configuration.requestsPerWorker) {
            [weak self] in self?.writeWhatIsLeft()
        }
        ProcessTitle.set("worker \(context.slot)", program: CommandLine.arguments.first)
        self.attach(context)
        let server = try self.makeServer(listener: try Listener.adopt(descriptor), context: context, opening: .reading)
        if let supervisorPipe = inheritance.takeSupervisorPipe() {
            // Its end means that the supervisor is gone: finish what runs, and go as well.
            // Its listener goes too, unless somebody else keeps it, so that a new supervisor can have the address.
            let isListenerOwn = inheritance.isListenerOwn
            server.watch(supervisorPipe) { server.drain(isAlone: true, closingListener: isListenerOwn) }
        }
        if let inbox = inheritance.takeHandoffSocket() { server.serveArrivals(from: inbox) }
        let report = inheritance.report
        try self.reopenLogs(onSignalTo: server)
        try await self.besideServices(of: .worker) {
            try await withGracefulShutdownHandler {
                try await self.serve(with: server) {
                    context.serves()
                    try? report.ready()
                }
            } onGracefulShutdown: {
                // Siblings serve what comes to this worker.
                server.drain()
            }
        }
    }

    /// How often workers show that they live and are looked at.
    private var heartbeatInterval: Duration {
        min(.seconds(1), (self.configuration.heartbeatTimeout ?? .seconds(4)) / 4)
    }

    private func serveAlone(_ listener: consuming Listener, status: consuming Listener?) async throws {
        let file = listener.socketFile
        let manager = SystemdNotifier(.current(), process: ProcessFacts.processID, logger: self.logger)
        let signOfLife = WatchdogTurn(manager)
        let name = file.map { SocketName($0, self.configuration, logger: self.logger) }
        let orphans = OrphanedProcesses.comeHere ? LateOrphans() : nil
        let context = try WorkerContext(alone: { [weak self] in
            signOfLife.keepAlive()
            orphans?.collect()
            self?.writeWhatIsLeft()
            name?.reportRemoval()
        })
        self.attach(context)
        let server = try self.makeServer(
            listener: listener,
            context: context,
            opening: .making,
            longestSilence: manager.watchdogInterval
        )
        try self.reopenLogs(onSignalTo: server)
        if self.configuration.handlesSignals { try self.refuseReloads(onSignalTo: server, manager) }
        defer { file?.remove() }
        let board = StatusBoard(context.scoreboard, supervisor: nil, routes: self.routes, self.configuration)
        let statusServer = StatusServer.start(status, self.configuration, board, logger: self.logger)
        defer { statusServer?.stop() }
        try await self.besideServices(of: .alone) {
            try await self.sweeping(board) {
                try await withTaskCancellationOrGracefulShutdownHandler {
                    try await self.serve(with: server, stoppingOnSignals: self.configuration.handlesSignals) {
                        context.serves()
                        manager.tell(["READY=1", "STATUS=1 process serves"])
                    } whenStopping: {
                        manager.tell(["STOPPING=1"])
                    }
                } onCancelOrGracefulShutdown: {
                    server.drain()
                }
            }
        }
    }

    /// Says that a process which serves alone does not reload, whenever SIGHUP comes.
    private func refuseReloads(onSignalTo server: FastCGIServer, _ manager: SystemdNotifier) throws {
        let signals = try SignalSource([.hangUp])
        let logger = self.logger
        server.watch(try signals.duplicateDescriptor(), repeats: true) { [signals = SharedSignals(signals)] in
            signals.read()
            logger.warning("a process that serves alone does not reload; restart it", metadata: ["setting": "PARANOID_WORKERS"])
            // Both, as a manager that has asked waits for them (`Type=notify-reload`).
            manager.tell(["RELOADING=1", "MONOTONIC_USEC=\(MonotonicClock.microseconds())"])
            manager.tell(["READY=1", "STATUS=1 process serves; it does not reload, restart it"])
        }
    }

    /// Opens the log file and the access log anew whenever SIGUSR1 comes.
    private func reopenLogs(onSignalTo server: FastCGIServer) throws {
        let file = self.configuration.logFile.map { LogFile($0) }
        let access = self.accessLog
        guard file != nil || access != nil else { return }
        let signals = try SignalSource([.user1])
        // A signal that came before this was ignored: what it was about is looked at now.
        try? file?.openAsStandardError()
        try? access?.reopen()
        let logger = self.logger
        server.watch(try signals.duplicateDescriptor(), repeats: true) { [signals = SharedSignals(signals)] in
            signals.read()
            do throws(SystemCallError) {
                try file?.openAsStandardError()
            } catch {
                logger.error("the log file cannot be opened anew", metadata: ["file": "\(file?.path ?? "")", "error": "\(error)"])
            }
            do throws(SystemCallError) {
                try access?.reopen()
            } catch {
                logger.error("the access log cannot be opened anew", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Parts

    private func makeServer(
        listener: consuming Listener,
        context: WorkerContext,
        opening mode: SessionAccess.Mode,
        longestSilence: Duration? = nil
    ) throws -> FastCGIServer {
        var settings = FastCGIServerConfiguration()
        settings.admits = try self.configuration.admission(isUnix: listener.isUnix)
        settings.threads = self.configuration.threads
        settings.readTimeout = self.configuration.readTimeout
        settings.writeTimeout = self.configuration.writeTimeout
        settings.drainTimeout = self.configuration.drainTimeout
        settings.heartbeatInterval = min(self.heartbeatInterval, longestSilence ?? self.heartbeatInterval)
        if self.configuration.scaling == .dynamic { settings.samplingInterval = .milliseconds(100) }
        settings.requestDeadline = self.configuration.requestDeadline
        settings.requestGrace = self.configuration.requestGrace
        settings.maximumParameters = self.configuration.parameterLimit
        settings.maximumParameterBytes = self.configuration.parameterBytes
        settings.maximumRunningRequests = self.configuration.runningRequestLimit
        let gateway = FastCGIGateway(
            responder: try self.makeResponder(opening: mode),
            hasDeadline: self.configuration.requestDeadline != nil,
            longestHead: self.configuration.responseHeadWarning,
            monitor: try self.makeMonitor(context),
            probes: self.configuration.status == nil ? nil : ProbeWindow(scoreboard: context.scoreboard),
            count: { context.count($0) }
        )
        settings.rejectOverload = { gateway.rejectOverload($0) }
        settings.refusal = gateway.refusal
        let reference = ExecutorReference()
        let executor: @Sendable () -> any TaskExecutor = { reference.value }
        let server = try FastCGIServer(
            listener: listener,
            configuration: settings,
            delegate: context,
            logger: self.logger
        ) { request in
            await gateway.handle(request, executor: executor)
        }
        reference.set(server.executor)
        return server
    }

    private func serve(
        with server: FastCGIServer,
        stoppingOnSignals: Bool = true,
        whenReady: () -> Void,
        whenStopping: @escaping @Sendable () -> Void = {}
    ) async throws {
        defer { self.writeWhatIsLeft(isLast: true) }
        guard stoppingOnSignals else {
            whenReady()
            return await server.run()
        }
        let signals = try SignalSource([.terminate, .interrupt])
        server.watch(try signals.duplicateDescriptor()) {
            whenStopping()
            server.drain()
        }
        whenReady()
        await server.run()
        _ = signals.read()
    }

    /// Writes what logs have kept back and no line has followed: called with each heartbeat, and at the end.
    private func writeWhatIsLeft(isLast: Bool = false) {
        self.logLimits.tellLeftOut(to: self.logger, isLast: isLast)
        self.accessLog?.flush()
    }

    /// Runs `body` while expired sessions are being removed.
    private func sweeping<Outcome: Sendable>(_ board: StatusBoard, _ body: @escaping @Sendable () async throws -> Outcome) async throws
        -> Outcome
    {
        guard let interval = self.configuration.sweepInterval else { return try await body() }
        let parts = try self.access.open(.making)
        var sweeping = SessionSweeping(
            repository: parts.repository,
            interval: interval,
            rate: self.configuration.sweepRate,
            clock: parts.clock,
            logger: self.logger
        )
        sweeping.note = { board.note($0) }
        sweeping.journal = parts.journal
        return try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask { [sweeping] in
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
