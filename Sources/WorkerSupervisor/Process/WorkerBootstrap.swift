package import ParanoidLinux

/// What a worker has from its supervisor.
///
/// The `take…` functions hand each descriptor out once; what is not taken is closed with the value.
package struct WorkerBootstrap: ~Copyable, Sendable {
    /// The variables that a supervisor sets for its workers and nobody else should.
    package static let variables = [
        WorkerLayout.roleVariable, WorkerLayout.slotVariable, WorkerLayout.rowVariable, WorkerLayout.mailboxesVariable,
        WorkerLayout.listenerVariable,
    ]

    /// This worker's place, from 0; its successor will have the same.
    package let slot: Int
    /// The way back to the supervisor.
    package let report: WorkerReport
    /// The other slots' mailboxes, as many as there were when this worker was started.
    package let siblings: [SiblingHandoffSocket]
    /// What all workers know of one another.
    package let board: Scoreboard
    /// Whether the listener should be closed when the supervisor is gone: nobody else keeps it.
    package let isListenerOwn: Bool
    /// Where this worker says how it is.
    package let row: ScoreboardSlot
    private var listener: OwnedDescriptor?
    private var supervisorPipe: OwnedDescriptor?
    private var inbox: OwnedDescriptor?

    /// Takes over what the supervisor left, once, before anything else opens descriptors.
    ///
    /// Everything is close-on-exec afterwards, descriptor 0 is `/dev/null`, and the signals that are for the supervisor are ignored: SIGINT,
    /// SIGQUIT, SIGHUP, SIGTTIN, SIGTTOU, SIGUSR1 and SIGUSR2.
    ///
    /// - Returns: `nil` if the environment does not say that this process is a worker.
    /// - Throws: ``WorkerBootstrapError`` if it says so, but a descriptor is missing or of another kind.
    package static func adopt(
        environment: ProcessEnvironment = .current()
    ) throws(WorkerBootstrapError) -> WorkerBootstrap? {
        guard environment[WorkerLayout.roleVariable] == WorkerLayout.workerRole else { return nil }
        let mailboxes = try Self.number(WorkerLayout.mailboxesVariable, in: environment)
        let slot = try Self.number(WorkerLayout.slotVariable, in: environment)
        guard (1...4_096).contains(mailboxes), slot < mailboxes else {
            throw WorkerBootstrapError("\(WorkerLayout.slotVariable) is not below \(WorkerLayout.mailboxesVariable)")
        }
        let half = try Self.number(WorkerLayout.rowVariable, in: environment)
        guard half < 2 else { throw WorkerBootstrapError("\(WorkerLayout.rowVariable) is neither 0 nor 1") }
        try Self.expect(.listeningStreamSocket, on: WorkerLayout.listener, "the listener")
        try Self.expect(.pipe, on: WorkerLayout.report, "the readiness pipe")
        try Self.expect(.pipe, on: WorkerLayout.supervisorPipe, "the life-line pipe")
        for index in 0..<mailboxes { try Self.expect(.messageSocket, on: WorkerLayout.firstMailbox + CInt(index), "a mailbox") }
        for signal in WorkerLayout.signalsOfTheSupervisor { SignalSource.ignore(signal) }
        do throws(SystemCallError) {
            let isListenerOwn = environment[WorkerLayout.listenerVariable] == WorkerLayout.ownListener
            return try WorkerBootstrap(slot: slot, half: half, mailboxes: mailboxes, isListenerOwn: isListenerOwn)
        } catch {
            throw WorkerBootstrapError("a descriptor cannot be taken over", cause: error)
        }
    }

    private init(slot: Int, half: Int, mailboxes: Int, isListenerOwn: Bool) throws(SystemCallError) {
        let board = try Scoreboard(adopting: OwnedDescriptor(inherited: WorkerLayout.board))
        guard mailboxes <= board.slots else { throw .tooFewPages }
        let report = WorkerReport(try OwnedDescriptor(inherited: WorkerLayout.report))
        let supervisorPipe = try OwnedDescriptor(inherited: WorkerLayout.supervisorPipe)
        var siblings: [SiblingHandoffSocket] = []
        for index in 0..<mailboxes where index != slot {
            let mailbox = try OwnedDescriptor(inherited: WorkerLayout.firstMailbox + CInt(index))
            siblings.append(SiblingHandoffSocket(slot: index, descriptor: mailbox))
        }
        let inbox = try OwnedDescriptor(inherited: WorkerLayout.firstMailbox + CInt(slot))
        let listener = try OwnedDescriptor.inheritedStandardInput()
        self.slot = slot
        self.isListenerOwn = isListenerOwn
        self.report = report
        self.siblings = siblings
        self.board = board
        self.row = board.row(slot: slot, half: half)
        self.supervisorPipe = consume supervisorPipe
        self.inbox = consume inbox
        self.listener = consume listener
    }

    /// The listening socket, shared with all workers.
    package mutating func takeListener() -> OwnedDescriptor? { self.listener.take() }

    /// A pipe that becomes readable, at its end, when the supervisor is gone: time to drain.
    package mutating func takeLifeLine() -> OwnedDescriptor? { self.supervisorPipe.take() }

    /// The receiving end of this slot's mailbox, a non-blocking message socket shared with the slot's other generation.
    ///
    /// A worker that drains because its successor serves stops reading it. When the slot itself ends, and at the end of everything, the
    /// supervisor closes it before it sends SIGTERM: read until nothing is there, then nothing can be lost.
    package mutating func takeInbox() -> OwnedDescriptor? { self.inbox.take() }

    /// Says that this worker serves (``WorkerReport/ready()``).
    package borrowing func ready() throws(SystemCallError) { try self.report.ready() }

    private static func expect(_ kind: DescriptorKind, on number: CInt, _ meaning: String) throws(WorkerBootstrapError) {
        guard DescriptorKind(of: number) == kind else {
            throw WorkerBootstrapError("descriptor \(number) is not \(meaning): \(WorkerLayout.roleVariable) is for a supervisor to set")
        }
    }

    private static func number(_ name: String, in environment: ProcessEnvironment) throws(WorkerBootstrapError) -> Int {
        // Digits only: Int(_:) alone would take a sign.
        guard let bytes = environment.bytes(of: name), (1...5).contains(bytes.count),
            bytes.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw WorkerBootstrapError("\(name) is not a number") }
        return bytes.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
