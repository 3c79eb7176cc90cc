/// What a server counts because it should be rare: a limit was reached, or somebody was turned away.
package enum ServerEvent: Int, Sendable, Hashable, CaseIterable {
    /// A peer that may not send requests was closed.
    case peerRefused
    /// A connection was closed as too many are open, or the system gave no descriptor.
    case connectionRefused
    /// What came was no request; its connection was closed.
    case notARequest
    /// A request had too many parameters, or too long ones.
    case parametersRefused
    /// A request came while as many as allowed were running or waiting.
    case overloaded
    /// A request took too long and was cancelled.
    case overdue
}
