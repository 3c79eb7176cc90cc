package import ParanoidLinux

/// What a worker has from its supervisor.
///
/// The `take…` functions hand each descriptor out once; what is not taken is closed with the value.
package struct WorkerBootstrap: ~Copyable, Sendable {
    /// The variables that only a supervisor sets, for its workers.
    package static let variables = [
        Layout.roleVariable, Layout.slotVariable, Layout.generationVariable, Layout.handoffSocketsVariable,
        Layout.listenerVariable,
    ]

    /// This worker's place, from 0; its successor will have the same.
    package let slot: Int
    /// Which of its slot's two generations this worker is.
    package let generation: Int
    /// The way back to the supervisor.
    package let report: WorkerReport
    /// The other slots' handoff sockets, as many as there were when this worker was started.
    package let siblings: [SiblingHandoffSocket]
    /// What all workers know of one another.
    package let scoreboard: Scoreboard
    /// Whether the listener should be closed when the supervisor is gone: no other program keeps it.
    package let isListenerOwn: Bool
    /// Where this worker says how it is.
    package let scoreboardSlot: ScoreboardSlot
    private var listener: OwnedDescriptor?
    private var supervisorPipe: OwnedDescriptor?
    private var inbox: OwnedDescriptor?

    /// Whether the environment says that this process is a worker.
    package static var isAnnounced: Bool { ProcessEnvironment.current()[Layout.roleVariable] == Layout.workerRole }

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
        guard environment[Layout.roleVariable] == Layout.workerRole else { return nil }
        let handoffSockets = try Self.number(Layout.handoffSocketsVariable, in: environment)
        let slot = try Self.number(Layout.slotVariable, in: environment)
        guard (1...4_096).contains(handoffSockets), slot < handoffSockets else {
            throw WorkerBootstrapError("\(Layout.slotVariable) is not below \(Layout.handoffSocketsVariable)")
        }
        let generation = try Self.number(Layout.generationVariable, in: environment)
        guard generation < 2 else { throw WorkerBootstrapError("\(Layout.generationVariable) is neither 0 nor 1") }
        try Self.expect(.listeningStreamSocket, on: Layout.listener, "the listener")
        try Self.expect(.pipe, on: Layout.report, "the readiness pipe")
        try Self.expect(.pipe, on: Layout.supervisorPipe, "the supervisor pipe")
        for index in 0..<handoffSockets { try Self.expect(.messageSocket, on: Layout.firstHandoffSocket + CInt(index), "a handoff socket") }
        for signal in Layout.signalsOfTheSupervisor { SignalSource.ignore(signal) }
        do throws(SystemCallError) {
            let isListenerOwn = environment[Layout.listenerVariable] == Layout.ownListener
            return try WorkerBootstrap(slot: slot, generation: generation, handoffSockets: handoffSockets, isListenerOwn: isListenerOwn)
        } catch {
            throw WorkerBootstrapError("a descriptor cannot be taken over", cause: error)
        }
    }

    private init(slot: Int, generation: Int, handoffSockets: Int, isListenerOwn: Bool) throws(SystemCallError) {
        let scoreboard = try Scoreboard(adopting: OwnedDescriptor(inherited: Layout.scoreboard))
        guard handoffSockets <= scoreboard.slots else { throw .tooFewPages }
        let report = WorkerReport(try OwnedDescriptor(inherited: Layout.report))
        let supervisorPipe = try OwnedDescriptor(inherited: Layout.supervisorPipe)
        var siblings: [SiblingHandoffSocket] = []
        for index in 0..<handoffSockets where index != slot {
            let socket = try OwnedDescriptor(inherited: Layout.firstHandoffSocket + CInt(index))
            siblings.append(SiblingHandoffSocket(slot: index, descriptor: socket))
        }
        let inbox = try OwnedDescriptor(inherited: Layout.firstHandoffSocket + CInt(slot))
        let listener = try OwnedDescriptor.inheritedStandardInput()
        self.slot = slot
        self.generation = generation
        self.isListenerOwn = isListenerOwn
        self.report = report
        self.siblings = siblings
        self.scoreboard = scoreboard
        self.scoreboardSlot = scoreboard.slot(slot, generation: generation)
        self.supervisorPipe = consume supervisorPipe
        self.inbox = consume inbox
        self.listener = consume listener
    }

    /// The listening socket, shared with all workers.
    package mutating func takeListener() -> OwnedDescriptor? { self.listener.take() }

    /// A pipe that becomes readable, at its end, when the supervisor is gone: time to drain.
    package mutating func takeSupervisorPipe() -> OwnedDescriptor? { self.supervisorPipe.take() }

    /// The receiving end of this slot's handoff socket, a non-blocking message socket shared with the slot's other generation.
    ///
    /// A worker that drains because its successor serves stops reading it. When the slot itself ends, and at the end of everything, the
    /// supervisor closes it before it sends SIGTERM: read until nothing is there, then nothing can be lost.
    package mutating func takeHandoffSocket() -> OwnedDescriptor? { self.inbox.take() }

    /// Says that this worker serves (``WorkerReport/ready()``).
    package borrowing func ready() throws(SystemCallError) { try self.report.ready() }

    private static func expect(_ kind: DescriptorKind, on number: CInt, _ meaning: String) throws(WorkerBootstrapError) {
        guard DescriptorKind(of: number) == kind else {
            throw WorkerBootstrapError("descriptor \(number) is not \(meaning): \(Layout.roleVariable) is for a supervisor to set")
        }
    }

    private static func number(_ name: String, in environment: ProcessEnvironment) throws(WorkerBootstrapError) -> Int {
        guard let number = environment.number(of: name) else { throw WorkerBootstrapError("\(name) is not a number") }
        return number
    }
}

extension WorkerBootstrap {
    /// What a supervisor and its workers agree on: numbers of descriptors, names of variables, bytes on the pipe.
    enum Layout {
        /// The listening socket, by the convention of FastCGI.
        static let listener: CInt = 0
        /// The pipe on which a worker reports.
        static let report: CInt = 3
        /// The pipe whose end means that the supervisor is gone.
        static let supervisorPipe: CInt = 4
        /// The memory of the ``Scoreboard``.
        static let scoreboard: CInt = 5
        /// The handoff socket of slot 0; those of the other slots follow.
        ///
        /// A worker has the reading end of its own and the writing ends of the others.
        static let firstHandoffSocket: CInt = 6

        static let roleVariable = "PARANOID_ROLE"
        static let workerRole = "worker"
        static let slotVariable = "PARANOID_WORKER"
        /// Which of its slot's two generations the worker is.
        static let generationVariable = "PARANOID_WORKER_GENERATION"
        /// How many handoff sockets there are.
        static let handoffSocketsVariable = "PARANOID_HANDOFF_SOCKETS"
        /// Set if only the supervisor and its workers have the listener.
        static let listenerVariable = "PARANOID_LISTENER"
        static let ownListener = "own"
        static let backtraceVariable = "SWIFT_BACKTRACE"
        /// No registers and no images: the crash report goes to the log, and registers show the memory they point to.
        // Without warnings: a program with Swift's libraries in it may have no reporter, and a line to a reader that has stopped would stop it.
        static let backtrace = "enable=yes,registers=none,images=none,warnings=suppressed"

        /// Signals that are not for a worker: those of the terminal reach the whole process group, the others mean something to the supervisor.
        ///
        /// A worker starts with them blocked and then ignores them; a mask alone does not last (``SignalSource``). SIGTERM is let through: before
        /// it serves, a worker may die of it. A worker that wants SIGUSR1 makes a ``SignalSource`` for it.
        static let signalsOfTheSupervisor: [ProcessSignal] = [
            .hangUp, .interrupt, .quit, .terminalInput, .terminalOutput, .user1, .user2,
        ]

        static let ready = UInt8(ascii: "R")
        static let replacementRequested = UInt8(ascii: "X")
    }
}

/// A worker's way to tell its supervisor something; may be used from any thread.
package final class WorkerReport: Sendable {
    private let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Says that this worker serves; during a reload its predecessor is drained now.
    ///
    /// - Throws: ``SystemCallError`` from `write(2)`: EPIPE if the supervisor is gone, which the supervisor pipe tells as well.
    package func ready() throws(SystemCallError) {
        try self.descriptor.write(byte: WorkerBootstrap.Layout.ready)
    }

    /// Asks for a successor; when that is ready, this worker receives SIGTERM.
    ///
    /// - Throws: As ``ready()``.
    package func requestReplacement() throws(SystemCallError) {
        try self.descriptor.write(byte: WorkerBootstrap.Layout.replacementRequested)
    }
}

/// What a process that is told to be a worker has is not what a supervisor leaves to one.
package struct WorkerBootstrapError: Error, Sendable {
    /// What is wrong, for a person who set the variables by hand.
    package let message: String
    /// The call that failed, if one did.
    package let cause: SystemCallError?

    init(_ message: String, cause: SystemCallError? = nil) {
        self.message = message
        self.cause = cause
    }
}

extension WorkerBootstrapError: CustomStringConvertible {
    /// Message and cause.
    package var description: String { self.message + (self.cause.map { " (\($0))" } ?? "") }
}
