import ParanoidLinux
import Logging

/// Drives the state machine: waits for processes, pipes, signals and time, and carries out what the machine asks for.
///
/// Belongs to the supervisor's thread, on which everything in it blocks for short moments only.
final class SupervisorLoop {
    private let configuration: SupervisorConfiguration
    private let logger: Logger
    private let commands: OwnedDescriptor
    private let signals: SignalSource?
    /// Whether processes that others have left behind become children of this one, as it is PID 1 of a container.
    private let reapsOrphans: Bool
    private let supervisorPipe: DescriptorPair
    private let inherited: ProcessEnvironment
    private let startedAt = ContinuousClock.now
    private let scoreboard: Scoreboard
    private let report: SupervisorStatus

    private var machine: SupervisorStateMachine
    private var listener: OwnedDescriptor?
    private var environment: ProcessEnvironment
    private var workers: [WorkerIdentifier: WorkerProcess] = [:]
    private var handoffSockets: [Int: ConnectionHandoffSocket] = [:]
    private var pending: [SupervisorEvent] = []
    private var exitCode: CInt?
    private var nextObservation: Duration?
    private let notifier: SystemdNotifier?
    private var status = SystemdStatus()
    private var nextKeepAlive: Duration?
    private let renewedListener: (@Sendable () -> OwnedDescriptor?)?
    private var nextListenerCheck: Duration?

    init(
        configuration: SupervisorConfiguration,
        listener: consuming OwnedDescriptor,
        commands: consuming OwnedDescriptor,
        logger: Logger,
        renewedListener: (@Sendable () -> OwnedDescriptor?)?,
        scoreboard: Scoreboard,
        report: SupervisorStatus
    ) throws(SystemCallError) {
        if configuration.ownsProcess {
            // Inherited as ignored, it would make the kernel forget how children ended (waitpid(2)).
            SignalSource.ignore(.childEnded, false)
            ProcessHardening.keepNewFilesPrivate()
            self.reapsOrphans = OrphanedProcesses.comeHere
            self.signals = try SignalSource(SupervisorCommand.signals + (self.reapsOrphans ? [.childEnded] : []))
        } else {
            self.reapsOrphans = false
            self.signals = nil
        }
        self.renewedListener = renewedListener
        self.nextListenerCheck = renewedListener == nil ? nil : configuration.observationInterval
        self.supervisorPipe = try DescriptorPair.pipe(nonblocking: false)
        self.scoreboard = scoreboard
        self.report = report
        self.nextObservation = configuration.observesWorkers ? configuration.observationInterval : nil
        self.configuration = configuration
        self.logger = logger
        self.commands = commands
        self.listener = consume listener
        var inherited = ProcessEnvironment.current()
        self.notifier =
            configuration.ownsProcess ? SystemdNotifier(inherited, process: ProcessFacts.processID, logger: logger) : nil
        self.nextKeepAlive = self.notifier?.watchdogInterval
        for name in configuration.withheldVariables { inherited[name] = nil }
        self.inherited = inherited
        self.environment = inherited
        self.machine = SupervisorStateMachine(configuration)
    }

    /// Supervises until the machine has finished.
    func run() throws(SystemCallError) -> CInt {
        if let remedy = self.readSettings() { return remedy.exitCode }
        self.perform(self.machine.start(at: self.now))
        while true {
            while !self.pending.isEmpty {
                self.perform(self.machine.handle(self.pending.removeFirst(), at: self.now))
                self.notifier?.tell(self.status.update(self.machine.state, microseconds: MonotonicClock.microseconds()))
            }
            self.publish()
            if let exitCode = self.exitCode { return exitCode }
            try self.waitForEvents()
        }
    }

    private var now: Duration { self.startedAt.duration(to: .now) }

    /// Tells those who ask how the workers are.
    private func publish() {
        let state = self.machine.state
        let workers = self.workers.values.map { worker in
            SupervisorStatus.Worker(
                identifier: worker.identifier,
                generation: worker.generation,
                process: worker.processIdentifier,
                startedAt: worker.startedAt
            )
        }
        self.report.update {
            $0.state = state
            $0.workers = workers
        }
    }

    /// Notes the end of a worker, and writes into the log what it was doing.
    private func noteEnd(of worker: WorkerProcess, _ status: WaitStatus) {
        let now = CoarseClock.now()
        self.report.noteEnd(of: worker.identifier, status, at: now)
        let rows = self.scoreboard.rows(worker.identifier.slot, generation: worker.generation)
        for row in rows.all {
            self.logger.error(
                "a worker ended while it served a request",
                metadata: [
                    "worker": "\(worker.identifier)", "worker.status": "\(status)", "request": "\(row.text)",
                    "request.milliseconds": .stringConvertible((now - row.since) / 1_000_000),
                ]
            )
        }
    }

    // MARK: Events

    private func waitForEvents() throws(SystemCallError) {
        let workers = Array(self.workers.values)
        var numbers = [self.commands.number]
        if let signals = self.signalNumber { numbers.append(signals) }
        for worker in workers {
            numbers.append(worker.endDescriptor)
            if let report = worker.reportDescriptor { numbers.append(report) }
        }
        let deadline = self.machine.nextDeadline
        let wakeUp = [deadline, self.nextObservation, self.nextKeepAlive, self.nextListenerCheck].compactMap { $0 }.min()
        let ready = try DescriptorPoll.wait(for: numbers, timeout: wakeUp.map { max($0 - self.now, .zero) })
        let readable = Set(ready.map { numbers[$0] })

        if readable.contains(self.commands.number), let bytes = self.commands.readAvailable(limit: 64) {
            self.pending += bytes.compactMap { SupervisorCommand(rawValue: $0)?.event }
        }
        self.pending += self.readSignals()
        for worker in workers {
            // What a worker said comes before its end.
            if let report = worker.reportDescriptor, readable.contains(report) { self.pending += worker.readReport() }
        }
        for worker in workers where readable.contains(worker.endDescriptor) {
            guard let status = try worker.statusIfEnded() else { continue }
            self.workers[worker.identifier] = nil
            // How long it had been silent when it ended says how old it really was.
            if self.configuration.observesWorkers {
                self.pending.append(
                    .observed(worker.identifier, WorkerHealth(heartbeat: worker.scoreboardSlot.heartbeat, residentBytes: nil))
                )
            }
            self.noteEnd(of: worker, status)
            // No connection is handed to a worker that is gone.
            self.scoreboard.retire(worker.scoreboardSlot)
            self.scoreboard.rows(worker.identifier.slot, generation: worker.generation).clear()
            self.pending.append(.exited(worker.identifier, status))
        }
        // SIGCHLD wakes this loop for them; the end of a worker is read above, through its own descriptor.
        if self.reapsOrphans { OrphanedProcesses.reap(except: Set(self.workers.values.map(\.processIdentifier))) }
        if let deadline, deadline <= self.now { self.pending.append(.timePassed) }
        if let due = self.nextKeepAlive, due <= self.now, let notifier = self.notifier {
            notifier.keepAlive()
            self.nextKeepAlive = notifier.watchdogInterval.map { self.now + $0 }
        }
        self.checkListener()
        if let due = self.nextObservation, due <= self.now {
            self.nextObservation = self.now + self.configuration.observationInterval
            self.pending += self.workers.values.map { .observed($0.identifier, $0.health) }
            if self.configuration.scaling != nil { self.pending.append(.loadSampled(self.loadSample())) }
        }
    }

    /// Takes a new listener for one that lost its name, until the supervisor stops.
    private func checkListener() {
        guard let due = self.nextListenerCheck, due <= self.now else { return }
        self.nextListenerCheck = self.now + self.configuration.observationInterval
        let isListening: Bool =
            switch self.listener {
            case .some: true
            case .none: false
            }
        guard isListening else {
            self.nextListenerCheck = nil
            return
        }
        guard let next = self.renewedListener?() else { return }
        self.listener = consume next
        self.pending.append(.reload)
    }

    /// How busy the workers were since the last sample.
    private func loadSample() -> WorkerScaling.LoadSample {
        var sample = WorkerScaling.LoadSample(demand: 0, capacity: 0)
        for worker in self.workers.values {
            let load = worker.loadSinceLastSample()
            guard worker.scoreboardSlot.state == .serving else { continue }
            sample.demand += load.demand
            sample.capacity += load.capacity
        }
        return sample
    }

    private var signalNumber: CInt? {
        switch self.signals {
        case .some(let source): source.descriptorNumber
        case .none: nil
        }
    }

    private func readSignals() -> [SupervisorEvent] {
        switch self.signals {
        case .some(let source): source.read().compactMap { SupervisorCommand($0)?.event }
        case .none: []
        }
    }

    // MARK: Actions

    private func perform(_ actions: [SupervisorAction]) {
        for action in actions {
            switch action {
            case .spawn(let worker, let slots): self.spawn(worker, slots: slots)
            case .signal(let worker, let signal): self.send(signal, to: worker)
            case .closeHandoffSocket(let slot): self.handoffSockets.removeValue(forKey: slot)?.close()
            case .readSettings:
                self.pending.append(
                    self.readSettings() == nil
                        ? .settingsRead(self.configuration.reviewSettings?(self.environment) ?? SettingsReview()) : .settingsRefused
                )
            case .reopenLog: self.reopenLog()
            case .closeListener: self.listener = nil
            case .log(let event):
                self.report.count(event)
                self.logger.log(event)
            case .finish(let exitCode): self.exitCode = exitCode
            }
        }
    }

    private var listenerNumber: CInt {
        switch self.listener {
        case .some(let listener): listener.number
        case .none: preconditionFailure("the machine spawns after it has closed the listener")
        }
    }

    private func spawn(_ identifier: WorkerIdentifier, slots: Int) {
        do throws(SystemCallError) {
            let worker = try WorkerProcess(
                identifier,
                configuration: self.configuration,
                resources: WorkerProcess.Resources(
                    environment: self.environment,
                    listener: self.listenerNumber,
                    supervisorPipe: self.supervisorPipe.reading.number,
                    scoreboard: self.scoreboard,
                    generation: self.freeGeneration(of: identifier.slot),
                    handoffSockets: self.handoffSocketNumbers(for: identifier.slot, of: slots)
                )
            )
            self.workers[identifier] = worker
            self.logger.info(
                "worker started",
                metadata: ["worker": "\(identifier)", "worker.pid": .stringConvertible(worker.processIdentifier)]
            )
        } catch {
            self.logger.error("a worker cannot be started", metadata: ["worker": "\(identifier)", "error": "\(error)"])
            self.pending.append(.spawnFailed(identifier))
        }
    }

    /// The generation of the slot that its other worker is not; there is one other at most.
    private func freeGeneration(of slot: Int) -> Int {
        self.workers.values.contains { $0.identifier.slot == slot && $0.generation == 0 } ? 1 : 0
    }

    private func handoffSocketNumbers(for own: Int, of slots: Int) throws(SystemCallError) -> [CInt] {
        var numbers: [CInt] = []
        for slot in 0..<slots {
            let socket: ConnectionHandoffSocket
            if let existing = self.handoffSockets[slot] {
                socket = existing
            } else {
                socket = try ConnectionHandoffSocket()
                self.scoreboard.slot(slot, generation: 0).nothingArriving()
            }
            self.handoffSockets[slot] = socket
            numbers.append(slot == own ? socket.readingNumber : socket.writingNumber)
        }
        return numbers
    }

    private func send(_ signal: ProcessSignal, to identifier: WorkerIdentifier) {
        do throws(SystemCallError) {
            try self.workers[identifier]?.send(signal)
        } catch {
            self.logger.error("a worker cannot be signalled", metadata: ["worker": "\(identifier)", "error": "\(error)"])
        }
    }

    private func reopenLog() {
        guard let file = self.configuration.logFile else { return }
        do throws(SystemCallError) {
            try file.openAsStandardError()
            self.logger.info("log file opened anew", metadata: ["file": "\(file.path)"])
        } catch {
            self.logger.error("the log file cannot be opened anew", metadata: ["file": "\(file.path)", "error": "\(error)"])
        }
    }

    /// Puts the workers' environment together anew.
    ///
    /// - Returns: `nil`; what helps, with the reason in the log, if the file cannot be used.
    private func readSettings() -> Remedy? {
        guard let file = self.configuration.environmentFile else { return nil }
        do throws(ProcessEnvironmentError) {
            var environment = self.inherited
            environment.merge(try ProcessEnvironment(file: file))
            self.environment = environment
            return nil
        } catch {
            self.logger.error("the environment file cannot be used", metadata: ["file": "\(file)", "error": "\(error)"])
            return error.cause?.remedy ?? .change
        }
    }
}
