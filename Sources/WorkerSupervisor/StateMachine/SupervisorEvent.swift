internal import Logging
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
    case loadSampled(WorkerScaling.LoadSample)
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
    case settingsRead(SettingsReview = SettingsReview())
    /// The file of the new settings is unusable.
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

/// What a supervisor can be told from outside, by a signal or by a call.
package enum SupervisorCommand: UInt8, Sendable, Hashable, CaseIterable {
    /// Stop, but finish what runs (SIGTERM, SIGINT).
    case stop
    /// Stop at once (SIGQUIT).
    case stopNow
    /// Read the settings anew and replace all workers, one after the other (SIGHUP).
    case reload
    /// Have the workers reopen their logs (SIGUSR1).
    case reopenLogs
    /// Keep one worker more (SIGTTIN).
    case addWorker
    /// Keep one worker less (SIGTTOU).
    case removeWorker

    /// The signals that have a meaning here.
    package static let signals: [ProcessSignal] = [
        .terminate, .interrupt, .quit, .hangUp, .user1, .terminalInput, .terminalOutput,
    ]

    /// The meaning of a signal; `nil` for one that has none.
    package init?(_ signal: ProcessSignal) {
        switch signal {
        case .terminate, .interrupt: self = .stop
        case .quit: self = .stopNow
        case .hangUp: self = .reload
        case .user1: self = .reopenLogs
        case .terminalInput: self = .addWorker
        case .terminalOutput: self = .removeWorker
        case .abort, .brokenPipe, .childEnded, .kill, .user2: return nil
        }
    }

    /// The command as an input of the state machine.
    package var event: SupervisorEvent {
        switch self {
        case .stop: .stop
        case .stopNow: .stopNow
        case .reload: .reload
        case .reopenLogs: .reopenLogs
        case .addWorker: .addWorker
        case .removeWorker: .removeWorker
        }
    }
}

/// One worker process among all that a supervisor ever started.
package struct WorkerIdentifier: Sendable, Hashable {
    /// The place it fills, from 0; its successor has the same.
    package let slot: Int
    /// Counts all workers of this supervisor in the order of their start.
    package let serial: Int

    package init(slot: Int, serial: Int) {
        self.slot = slot
        self.serial = serial
    }
}

extension WorkerIdentifier: CustomStringConvertible {
    /// Slot and serial number, for a log line.
    package var description: String { "\(self.slot)#\(self.serial)" }
}

/// How a worker was found at one moment.
package struct WorkerHealth: Sendable, Hashable {
    /// A number that grows as long as the worker's threads come round.
    package var heartbeat: UInt64
    /// The bytes of its memory; `nil` if they cannot be known.
    package var residentBytes: Int?

    package init(heartbeat: UInt64, residentBytes: Int?) {
        self.heartbeat = heartbeat
        self.residentBytes = residentBytes
    }
}

/// What a supervisor has to do, in this order.
package enum SupervisorAction: Sendable, Hashable {
    /// Start a worker that knows the handoff sockets of the slots below `slots`.
    case spawn(WorkerIdentifier, slots: Int)
    /// Send a signal to a worker; SIGTERM asks it to drain.
    case signal(WorkerIdentifier, ProcessSignal)
    /// Refuse new messages in the slot's handoff socket, so that none is left unread when its last worker has drained.
    case closeHandoffSocket(slot: Int)
    /// Read the environment file anew and answer with ``SupervisorEvent/settingsRead`` or ``SupervisorEvent/settingsRefused``.
    case readSettings
    /// Open the supervisor's own log file anew.
    case reopenLog
    /// Close the supervisor's own listener.
    case closeListener
    /// Tell the log.
    case log(SupervisorLogEvent)
    /// End with this exit code; no worker is left. Always the last action.
    case finish(exitCode: CInt)
}

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
    /// These settings have changed and take full effect with a restart only.
    case restartNeeded([String])
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
                    "worker": "\(worker)", "worker.status": "\(status)", "worker.early_exits": .stringConvertible(earlyExits),
                    "worker.restart_seconds": .stringConvertible(pause / .seconds(1)),
                ]
            )
        case .workerNotStarted(let worker, let earlyExits, let pause):
            self.warning(
                "worker not started",
                metadata: [
                    "worker": "\(worker)", "worker.early_exits": .stringConvertible(earlyExits),
                    "worker.restart_seconds": .stringConvertible(pause / .seconds(1)),
                ]
            )
        case .readinessTimeout(let worker):
            self.error("worker did not become ready in time and is killed", metadata: ["worker": "\(worker)"])
        case .graceExpired(let worker):
            self.warning("worker did not finish in time and is killed", metadata: ["worker": "\(worker)"])
        case .replacementRequested(let worker): self.info("worker asks for a successor", metadata: ["worker": "\(worker)"])
        case .memoryExceeded(let worker, let bytes):
            self.notice(
                "worker uses too much memory and is replaced",
                metadata: ["worker": "\(worker)", "worker.bytes": .stringConvertible(bytes)]
            )
        case .heartbeatMissed(let worker, let silence):
            self.error(
                "worker is stuck and is replaced",
                metadata: ["worker": "\(worker)", "worker.silence_seconds": .stringConvertible(silence / .seconds(1))]
            )
        case .abortIgnored(let worker): self.error("stuck worker is killed", metadata: ["worker": "\(worker)"])
        case .reloadBegun: self.notice("reload begun")
        case .reloadFinished: self.notice("reload finished")
        case .restartNeeded(let names):
            self.warning(
                "settings have changed that take full effect with a restart only",
                metadata: ["settings": "\(names.joined(separator: ", "))"]
            )
        case .reloadAbandoned: self.error("reload abandoned, the remaining workers stay")
        case .workersWanted(let count): self.notice("number of workers changed", metadata: ["workers": .stringConvertible(count)])
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
