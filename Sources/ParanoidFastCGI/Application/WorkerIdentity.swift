internal import ParanoidLinux

/// Which process and which of its threads runs some code.
public struct WorkerIdentity: Sendable, Hashable {
    /// The process's number.
    public let process: Int
    /// The thread's number.
    public let thread: Int

    /// Where this is asked.
    public static var current: WorkerIdentity {
        WorkerIdentity(process: ProcessFacts.processID, thread: ProcessFacts.threadID)
    }
}
