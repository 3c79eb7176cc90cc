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
