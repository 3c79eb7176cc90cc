/// How a process ended.
package enum WaitStatus: Sendable, Hashable {
    /// It ended by itself with this exit status.
    case exited(CInt)
    /// This signal number ended it.
    case signalled(CInt)
}

extension WaitStatus: CustomStringConvertible {
    /// The status in words, for a log line.
    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let number): ProcessSignal(number: number)?.description ?? "signal \(number)"
        }
    }
}
