internal import Glibc

/// A signal by its meaning, so that the numbers stay in this module (`signal(7)`).
package enum ProcessSignal: Sendable, Hashable, CaseIterable {
    case abort
    case brokenPipe
    case childEnded
    case hangUp
    case interrupt
    case kill
    case quit
    case terminalInput
    case terminalOutput
    case terminate
    case user1
    case user2

    /// The system's number.
    package var number: CInt {
        switch self {
        case .abort: SIGABRT
        case .brokenPipe: SIGPIPE
        case .childEnded: SIGCHLD
        case .hangUp: SIGHUP
        case .interrupt: SIGINT
        case .kill: SIGKILL
        case .quit: SIGQUIT
        case .terminalInput: SIGTTIN
        case .terminalOutput: SIGTTOU
        case .terminate: SIGTERM
        case .user1: SIGUSR1
        case .user2: SIGUSR2
        }
    }

    /// The signal with a number; `nil` for one that has no meaning here.
    package init?(number: CInt) {
        guard let signal = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = signal
    }
}

extension ProcessSignal: CustomStringConvertible {
    /// The usual name, for a log line.
    package var description: String {
        switch self {
        case .abort: "SIGABRT"
        case .brokenPipe: "SIGPIPE"
        case .childEnded: "SIGCHLD"
        case .hangUp: "SIGHUP"
        case .interrupt: "SIGINT"
        case .kill: "SIGKILL"
        case .quit: "SIGQUIT"
        case .terminalInput: "SIGTTIN"
        case .terminalOutput: "SIGTTOU"
        case .terminate: "SIGTERM"
        case .user1: "SIGUSR1"
        case .user2: "SIGUSR2"
        }
    }
}
