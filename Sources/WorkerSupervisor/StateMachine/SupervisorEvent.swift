package import ParanoidLinux

/// What can happen to a supervisor.
package enum SupervisorEvent: Sendable, Hashable {
    /// The worker said that it is serving.
    case ready(WorkerIdentifier)
    /// The worker asks for a successor, after which it is drained (it has served its share, or grown too big).
    case replacementRequested(WorkerIdentifier)
    /// The worker was looked at.
    case observed(WorkerIdentifier, WorkerHealth)
    /// All workers were looked at: how busy they are together.
    case looked(WorkerScaling.Look)
    /// The worker's process has ended.
    case exited(WorkerIdentifier, WaitStatus)
    /// The worker could not be started at all.
    case spawnFailed(WorkerIdentifier)
    /// SIGTERM or SIGINT: stop, but finish what runs.
    case stop
    /// SIGQUIT: stop at once.
    case stopNow
    /// SIGHUP: replace all workers one after the other.
    case reload
    /// The settings for the new workers have been read, as ``SupervisorAction/readSettings`` asked.
    case settingsRead
    /// The new settings are unusable.
    case settingsRefused
    /// SIGUSR1: reopen the logs.
    case reopenLogs
    /// SIGTTIN: one worker more.
    case addWorker
    /// SIGTTOU: one worker less.
    case removeWorker
    /// The time named by ``SupervisorStateMachine/nextDeadline`` has come.
    case timePassed
}
