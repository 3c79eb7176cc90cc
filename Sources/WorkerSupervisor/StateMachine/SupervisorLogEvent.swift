import Logging
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
    /// More early exits than allowed, and no worker serves.
    case gaveUp
    case stopping
    case stoppingNow
}

extension Logger {
    /// Writes an event of the state machine with the level it deserves.
    func log(_ event: SupervisorLogEvent) {
        switch event {
        case .workerReady(let worker):
            self.info("worker ready", metadata: ["worker": "\(worker)"])
        case .workerDrained(let worker, let status):
            self.info("worker ended", metadata: ["worker": "\(worker)", "worker.status": "\(status)"])
        case .workerDied(let worker, let status, let earlyExits, let pause):
            self.warning(
                "worker died",
                metadata: [
                    "worker": "\(worker)", "worker.status": "\(status)", "worker.early-exits": "\(earlyExits)",
                    "worker.restart-in": "\(pause)",
                ]
            )
        case .workerNotStarted(let worker, let earlyExits, let pause):
            self.warning(
                "worker not started",
                metadata: ["worker": "\(worker)", "worker.early-exits": "\(earlyExits)", "worker.restart-in": "\(pause)"]
            )
        case .readinessTimeout(let worker):
            self.error("worker did not become ready in time and is killed", metadata: ["worker": "\(worker)"])
        case .graceExpired(let worker):
            self.warning("worker did not finish in time and is killed", metadata: ["worker": "\(worker)"])
        case .replacementRequested(let worker): self.info("worker asks for a successor", metadata: ["worker": "\(worker)"])
        case .memoryExceeded(let worker, let bytes):
            self.notice("worker uses too much memory and is replaced", metadata: ["worker": "\(worker)", "worker.bytes": "\(bytes)"])
        case .heartbeatMissed(let worker, let silence):
            self.error("worker is stuck and is replaced", metadata: ["worker": "\(worker)", "worker.silence": "\(silence)"])
        case .abortIgnored(let worker): self.error("stuck worker is killed", metadata: ["worker": "\(worker)"])
        case .reloadBegun: self.notice("reload begun")
        case .reloadFinished: self.notice("reload finished")
        case .reloadAbandoned: self.error("reload abandoned, the remaining workers stay")
        case .workersWanted(let count): self.notice("number of workers changed", metadata: ["workers": "\(count)"])
        case .configurationRefused(let worker, let exitCode):
            self.error(
                "a worker refuses the configuration",
                metadata: ["worker": "\(worker)", "worker.status": "exit status \(exitCode)"]
            )
        case .gaveUp: self.critical("workers keep failing and none serves: giving up")
        case .stopping: self.notice("stopping")
        case .stoppingNow: self.notice("stopping at once")
        }
    }
}
