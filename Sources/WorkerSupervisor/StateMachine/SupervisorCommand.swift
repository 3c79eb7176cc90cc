package import ParanoidLinux

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
