import ParanoidLinux

/// The supervisor's end of one worker: its process and the pipe on which it reports.
///
/// Belongs to the supervisor's thread. Giving it up kills a process that is still alive.
final class WorkerProcess {
    /// What a worker starts with, apart from its own report pipe.
    struct Resources {
        var environment: ProcessEnvironment
        var listener: CInt
        var supervisorPipe: CInt
        var scoreboard: Scoreboard
        /// Which of its slot's generations the worker is.
        var generation: Int
        /// The ends of the handoff sockets in the order of the slots.
        var handoffSockets: [CInt]
    }

    let identifier: WorkerIdentifier
    /// Which of its slot's generations the worker is.
    let generation: Int
    /// What it says about itself.
    let scoreboardSlot: ScoreboardSlot
    /// When it was started (`CoarseClock.now()`).
    let startedAt = CoarseClock.now()
    private var process: SpawnedProcess
    private var report: OwnedDescriptor?
    private var lastLoad: (demand: UInt64, capacity: UInt64) = (0, 0)

    /// Starts the worker's process.
    ///
    /// - Throws: ``SystemCallError`` from `pipe2(2)` or those of ``SpawnedProcess``.
    init(
        _ identifier: WorkerIdentifier,
        configuration: SupervisorConfiguration,
        resources: Resources
    ) throws(SystemCallError) {
        let pipe = try DescriptorPair.pipe(nonblocking: false)
        var environment = resources.environment
        for (name, value) in configuration.environment { environment[name] = value }
        environment[WorkerBootstrap.Layout.roleVariable] = WorkerBootstrap.Layout.workerRole
        environment[WorkerBootstrap.Layout.slotVariable] = String(identifier.slot)
        environment[WorkerBootstrap.Layout.generationVariable] = String(resources.generation)
        environment[WorkerBootstrap.Layout.handoffSocketsVariable] = String(resources.handoffSockets.count)
        environment[WorkerBootstrap.Layout.listenerVariable] = configuration.ownsListener ? WorkerBootstrap.Layout.ownListener : nil
        environment[WorkerBootstrap.Layout.backtraceVariable] = WorkerBootstrap.Layout.backtrace

        var mappings: [SpawnedProcess.Mapping] = [
            SpawnedProcess.Mapping(resources.listener, to: WorkerBootstrap.Layout.listener),
            SpawnedProcess.Mapping(pipe.writing.number, to: WorkerBootstrap.Layout.report),
            SpawnedProcess.Mapping(resources.supervisorPipe, to: WorkerBootstrap.Layout.supervisorPipe),
            SpawnedProcess.Mapping(resources.scoreboard.descriptorNumber, to: WorkerBootstrap.Layout.scoreboard),
        ]
        for (slot, socket) in resources.handoffSockets.enumerated() {
            mappings.append(SpawnedProcess.Mapping(socket, to: WorkerBootstrap.Layout.firstHandoffSocket + CInt(slot)))
        }
        self.identifier = identifier
        self.generation = resources.generation
        self.scoreboardSlot = resources.scoreboard.slot(identifier.slot, generation: resources.generation)
        self.scoreboardSlot.clear()
        resources.scoreboard.rows(identifier.slot, generation: resources.generation).clear()
        self.process = try SpawnedProcess(
            SpawnedProcess.Command(
                path: configuration.programPath,
                arguments: configuration.arguments,
                environment: environment,
                blockedSignals: WorkerBootstrap.Layout.signalsOfTheSupervisor + [.brokenPipe]
            ),
            mappings: mappings
        )
        self.report = pipe.takeReading()
    }

    /// The process number, for the log.
    var processIdentifier: CInt { self.process.identifier }
    /// How it is at this moment.
    var health: WorkerHealth {
        WorkerHealth(heartbeat: self.scoreboardSlot.heartbeat, residentBytes: ProcessFacts.residentBytes(of: self.process.identifier))
    }

    /// How many threads were wanted, and how many there were, over all samples since it was asked last.
    func loadSinceLastSample() -> (demand: UInt64, capacity: UInt64) {
        let load = self.scoreboardSlot.load
        defer { self.lastLoad = load }
        return (load.demand &- self.lastLoad.demand, load.capacity &- self.lastLoad.capacity)
    }

    /// Readable when the process has ended.
    var endDescriptor: CInt { self.process.descriptor.number }
    /// Readable when the worker has said something; `nil` after it closed its end.
    var reportDescriptor: CInt? { self.report?.number }

    /// Takes what the worker has said; call it only when ``reportDescriptor`` is readable.
    func readReport() -> [SupervisorEvent] {
        guard let bytes = self.report?.readAvailable(limit: 64) else { return [] }
        if bytes.isEmpty { self.report = nil }
        return bytes.compactMap { byte in
            switch byte {
            case WorkerBootstrap.Layout.ready: .ready(self.identifier)
            case WorkerBootstrap.Layout.replacementRequested: .replacementRequested(self.identifier)
            // A newer worker program may say more than this supervisor understands.
            default: nil
            }
        }
    }

    /// How the process ended, or `nil` while it runs.
    func statusIfEnded() throws(SystemCallError) -> WaitStatus? {
        try self.process.statusIfEnded()
    }

    /// Sends a signal; too late is not an error.
    func send(_ signal: ProcessSignal) throws(SystemCallError) {
        try self.process.send(signal)
    }
}
