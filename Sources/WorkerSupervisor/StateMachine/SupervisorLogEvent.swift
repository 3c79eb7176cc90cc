package import ParanoidLinux

/// What a supervisor finds worth a line in the log.
package enum SupervisorLogEvent: Sendable, Hashable {
    case workerReady(WorkerIdentifier)
    /// It ended as it was asked to.
    case workerDrained(WorkerIdentifier, WaitStatus)
    /// It ended unasked; its successor follows after the pause.
    case workerDied(WorkerIdentifier, WaitStatus, earlyExits: Int, pause: Duration)
    /// It could not be started; the next attempt follows after the pause.
    case workerNotStarted(WorkerIdentifier, earlyExits: Int, pause: Duration)
    /// It never said that it is ready and is killed.
    case readinessTimeout(WorkerIdentifier)
    /// It did not end within the grace period and is killed.
    case graceExpired(WorkerIdentifier)
    /// It asked for a successor.
    case replacementRequested(WorkerIdentifier)
    /// It uses more memory than it may and gets a successor.
    case memoryExceeded(WorkerIdentifier, bytes: Int)
    /// It gave no sign of life for so long and is aborted.
    case heartbeatMissed(WorkerIdentifier, silence: Duration)
    /// It did not die of SIGABRT and is killed.
    case abortIgnored(WorkerIdentifier)
    case reloadBegun
    case reloadFinished
    /// The rest of the old workers stays; the reason is in the lines before.
    case reloadAbandoned
    /// The number of workers wanted has changed.
    case workersWanted(Int)
    /// A worker reported unusable settings before any worker had been ready.
    case configurationRefused(WorkerIdentifier, exitCode: CInt)
    /// More young deaths than allowed, and nobody serves.
    case gaveUp
    case stopping
    case stoppingNow
}
