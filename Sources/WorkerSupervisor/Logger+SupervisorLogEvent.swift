import ParanoidLinux
import Logging

extension Logger {
    /// Writes a note of the state machine with the level it deserves.
    func note(_ note: SupervisorLogEvent) {
        switch note {
        case .workerReady(let worker):
            self.info("worker ready", metadata: ["worker": "\(worker)"])
        case .workerDrained(let worker, let status):
            self.info("worker ended", metadata: ["worker": "\(worker)", "worker.status": "\(status)"])
        case .workerDied(let worker, let status, let earlyExits, let pause):
            self.warning(
                "worker died",
                metadata: [
                    "worker": "\(worker)", "worker.status": "\(status)", "worker.young-deaths": "\(earlyExits)",
                    "worker.restart-in": "\(pause)",
                ]
            )
        case .workerNotStarted(let worker, let earlyExits, let pause):
            self.warning(
                "worker not started",
                metadata: ["worker": "\(worker)", "worker.young-deaths": "\(earlyExits)", "worker.restart-in": "\(pause)"]
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
