package import ParanoidLinux

/// What a supervisor has to do, in this order.
package enum SupervisorAction: Sendable, Hashable {
    /// Start a worker that knows the mailboxes of the slots below `slots`.
    case spawn(WorkerIdentifier, slots: Int)
    /// Send a signal to a worker; SIGTERM asks it to drain.
    case signal(WorkerIdentifier, ProcessSignal)
    /// Refuse new messages in the slot's mailbox, so that none is left unread when its last worker has drained.
    case closeMailbox(slot: Int)
    /// Read the environment file anew and answer with ``SupervisorEvent/settingsRead`` or ``SupervisorEvent/settingsRefused``.
    case readSettings
    /// Open the supervisor's own log file anew.
    case reopenLog
    /// Close the supervisor's own listener.
    case closeListener
    /// Tell the log.
    case note(SupervisorLogEvent)
    /// End with this exit code; no worker is left. Always the last action.
    case finish(exitCode: CInt)
}
