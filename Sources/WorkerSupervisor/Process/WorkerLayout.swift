import ParanoidLinux

/// What a supervisor and its workers agree on: numbers of descriptors, names of variables, bytes on the pipe.
enum WorkerLayout {
    /// The listening socket, by the convention of FastCGI.
    static let listener: CInt = 0
    /// The pipe on which a worker reports.
    static let report: CInt = 3
    /// The pipe whose end means that the supervisor is gone.
    static let supervisorPipe: CInt = 4
    /// The memory of the ``Scoreboard``.
    static let board: CInt = 5
    /// The mailbox of slot 0; those of the other slots follow.
    ///
    /// A worker has the reading end of its own and the writing ends of the others.
    static let firstMailbox: CInt = 6

    static let roleVariable = "PARANOID_ROLE"
    static let workerRole = "worker"
    static let slotVariable = "PARANOID_WORKER"
    /// Which of its slot's two rows on the board is the worker's own.
    static let rowVariable = "PARANOID_WORKER_ROW"
    /// How many mailboxes there are.
    static let mailboxesVariable = "PARANOID_MAILBOXES"
    /// Set if nobody but the supervisor and its workers has the listener.
    static let listenerVariable = "PARANOID_LISTENER"
    static let ownListener = "own"
    static let backtraceVariable = "SWIFT_BACKTRACE"
    /// No registers and no images: the crash report goes to the log, and registers show the memory they point to.
    static let backtrace = "enable=yes,registers=none,images=none"

    /// Signals that are not for a worker: those of the terminal reach the whole process group, the others mean something to the supervisor.
    ///
    /// A worker starts with them blocked and then ignores them; a mask alone does not last (``SignalSource``). SIGTERM is let through: before
    /// it serves, a worker may die of it. Who wants SIGUSR1 makes a ``SignalSource`` for it.
    static let signalsOfTheSupervisor: [ProcessSignal] = [
        .hangUp, .interrupt, .quit, .terminalInput, .terminalOutput, .user1, .user2,
    ]

    static let ready = UInt8(ascii: "R")
    static let replacementRequested = UInt8(ascii: "X")
}
