import ParanoidLinux

/// The supervisor's end of one worker: its process and the pipe on which it reports.
///
/// Belongs to the supervisor's thread. Giving it up kills a process that is still alive.
final class WorkerProcess {
    /// What a worker starts with, apart from its own report pipe.
    struct Inheritance {
        var environment: ProcessEnvironment
        var listener: CInt
        var supervisorPipe: CInt
        var board: Scoreboard
        /// Which of its slot's rows on the board the worker gets.
        var half: Int
        /// The mailbox ends in the order of the slots.
        var mailboxes: [CInt]
    }

    let identifier: WorkerIdentifier
    /// Which of its slot's rows on the board the worker has.
    let half: Int
    /// What it says about itself.
    let row: ScoreboardSlot
    private var process: SpawnedProcess
    private var report: OwnedDescriptor?
    private var lastLoad: (demand: UInt64, capacity: UInt64) = (0, 0)

    /// Starts the worker's process.
    ///
    /// - Throws: ``SystemCallError`` from `pipe2(2)` or those of ``SpawnedProcess``.
    init(
        _ identifier: WorkerIdentifier,
        configuration: SupervisorConfiguration,
        inheritance: Inheritance
    ) throws(SystemCallError) {
        let pipe = try DescriptorPair.pipe(nonblocking: false)
        var environment = inheritance.environment
        for (name, value) in configuration.environment { environment[name] = value }
        environment[WorkerLayout.roleVariable] = WorkerLayout.workerRole
        environment[WorkerLayout.slotVariable] = String(identifier.slot)
        environment[WorkerLayout.rowVariable] = String(inheritance.half)
        environment[WorkerLayout.mailboxesVariable] = String(inheritance.mailboxes.count)
        environment[WorkerLayout.listenerVariable] = configuration.ownsListener ? WorkerLayout.ownListener : nil
        environment[WorkerLayout.backtraceVariable] = WorkerLayout.backtrace

        var mappings: [SpawnedProcess.Mapping] = [
            SpawnedProcess.Mapping(inheritance.listener, to: WorkerLayout.listener),
            SpawnedProcess.Mapping(pipe.writing.number, to: WorkerLayout.report),
            SpawnedProcess.Mapping(inheritance.supervisorPipe, to: WorkerLayout.supervisorPipe),
            SpawnedProcess.Mapping(inheritance.board.descriptorNumber, to: WorkerLayout.board),
        ]
        for (slot, mailbox) in inheritance.mailboxes.enumerated() {
            mappings.append(SpawnedProcess.Mapping(mailbox, to: WorkerLayout.firstMailbox + CInt(slot)))
        }
        self.identifier = identifier
        self.half = inheritance.half
        self.row = inheritance.board.row(slot: identifier.slot, half: inheritance.half)
        self.row.clear()
        self.process = try SpawnedProcess(
            SpawnedProcess.Command(
                path: configuration.programPath,
                arguments: configuration.arguments,
                environment: environment,
                blockedSignals: WorkerLayout.signalsOfTheSupervisor + [.brokenPipe]
            ),
            mappings: mappings
        )
        self.report = pipe.takeReading()
    }

    /// The process number, for the log.
    var processIdentifier: CInt { self.process.identifier }
    /// How it is at this moment.
    var vitals: WorkerHealth {
        WorkerHealth(heartbeat: self.row.heartbeat, residentBytes: ProcessMemory.residentBytes(of: self.process.identifier))
    }

    /// How many threads were wanted, and how many there were, over all samples since it was asked last.
    func loadSinceLastLook() -> (demand: UInt64, capacity: UInt64) {
        let load = self.row.load
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
            case WorkerLayout.ready: .ready(self.identifier)
            case WorkerLayout.replacementRequested: .replacementRequested(self.identifier)
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
