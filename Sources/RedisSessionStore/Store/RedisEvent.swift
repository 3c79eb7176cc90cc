#if Redis
/// What happened between the store and a server, for those who count it.
package enum RedisEvent: Sendable, Hashable {
    /// What a command is for.
    package enum Purpose: Int, Sendable, CaseIterable {
        /// Reading a session.
        case read
        /// Making a session.
        case create
        /// Changing a session.
        case change
        /// Ending a session, and setting a damaged one aside.
        case remove
        /// The list of a user's sessions and the end of a user's logins.
        case users
        /// The numbers that count for all sessions.
        case control
        /// All else, as sweeping.
        case other
    }

    /// A command has its reply, or none after all; the time counts from when it was given, its repetitions included.
    case finished(Purpose, nanoseconds: Int64, isFailure: Bool)
    /// A command is tried again.
    case retried
    /// A node has named another one.
    case redirected
    /// A node is not tried any more for a while.
    case breakerOpened
    /// A node that was not tried has answered.
    case breakerClosed
}
#endif
