internal import ParanoidLinux
import Synchronization

/// How a supervisor and its workers are, for everybody who asks: its thread writes, any thread reads.
package final class SupervisorStatus: Sendable {
    /// A worker process.
    package struct Worker: Sendable, Hashable {
        package let identifier: WorkerIdentifier
        package let generation: Int
        package let process: CInt
        /// When it was started (`CoarseClock.now()`).
        package let startedAt: Int64

        package init(identifier: WorkerIdentifier, generation: Int, process: CInt, startedAt: Int64) {
            self.identifier = identifier
            self.generation = generation
            self.process = process
            self.startedAt = startedAt
        }
    }

    /// The end of a worker.
    package struct Exit: Sendable, Hashable {
        package let identifier: WorkerIdentifier
        /// How it ended, in words.
        package let status: String
        /// When (`CoarseClock.now()`).
        package let at: Int64
    }

    /// Everything at one moment.
    package struct Snapshot: Sendable, Hashable {
        /// The workers that are alive.
        package var workers: [Worker] = []
        /// The last end in each slot that had one.
        package var exits: [Int: Exit] = [:]
        /// What the supervisor does; `nil` before it has begun.
        package var state: SystemdStatus.State?
        /// Reloads that ended with all workers replaced.
        package var finishedReloads = 0
        /// Reloads that were given up.
        package var abandonedReloads = 0
        /// Workers that ended without being asked to, or were stuck.
        package var deaths = 0
        /// Why workers that are still alive are to end.
        fileprivate var reasons: [WorkerIdentifier: String] = [:]
    }

    private let state = Mutex(Snapshot())

    package init() {}

    /// How things are now.
    package var snapshot: Snapshot { self.state.withLock { $0 } }

    func update(_ change: (inout Snapshot) -> Void) {
        self.state.withLock { change(&$0) }
    }

    /// Counts what the log is told.
    func count(_ event: SupervisorLogEvent) {
        switch event {
        case .reloadFinished: self.update { $0.finishedReloads += 1 }
        case .reloadAbandoned: self.update { $0.abandonedReloads += 1 }
        case .workerDied: self.update { $0.deaths += 1 }
        case .heartbeatMissed(let worker, _):
            self.update {
                $0.deaths += 1
                $0.reasons[worker] = "stuck"
            }
        case .memoryExceeded(let worker, _): self.update { $0.reasons[worker] = "too much memory" }
        case .graceExpired(let worker): self.update { $0.reasons[worker] = "not finished in time" }
        case .readinessTimeout(let worker): self.update { $0.reasons[worker] = "not ready in time" }
        default: break
        }
    }

    /// Notes how a worker ended, and why if the supervisor has ended it.
    func noteEnd(of worker: WorkerIdentifier, _ status: WaitStatus, at now: Int64) {
        self.update { snapshot in
            let reason = snapshot.reasons.removeValue(forKey: worker)
            snapshot.exits[worker.slot] = Exit(identifier: worker, status: reason.map { "\($0), \(status)" } ?? "\(status)", at: now)
        }
    }
}
