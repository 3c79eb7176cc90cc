/// How many sessions one user may have at a time, and what happens to one more.
public struct SessionLimit: Sendable, Hashable {
    /// What happens to a login that is one too many.
    public enum Policy: String, Sendable, Hashable, CaseIterable {
        /// The session that began first ends.
        case oldestEnds
        /// The login is refused.
        case refuse
    }

    /// The most sessions of a user.
    public var count: Int
    /// What happens to one more.
    public var policy: Policy

    /// Creates a limit.
    public init(_ count: Int, policy: Policy = .oldestEnds) {
        precondition(count > 0, "a user needs a session")
        self.count = count
        self.policy = policy
    }
}
