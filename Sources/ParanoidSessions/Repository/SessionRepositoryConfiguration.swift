/// How sessions are protected and how long callers wait for them.
package struct SessionRepositoryConfiguration: Sendable {
    /// How records are protected in the store.
    package var protection: StoredSession.Protection = .sealed
    /// How long a change waits for the session's lock.
    package var timeout: Duration = .seconds(2)
    /// How many opened records are kept in memory, each proven fresh by its generation at every use.
    package var cachedSessions: Int = 2048

    /// For how long a session that was ended from elsewhere says that it is gone, see ``GuardSettings/goneWindow``; `nil`: not at all.
    package var goneWindow: Duration?

    /// How many sessions a user may have at a time; `nil`: any number.
    package var limitPerUser: SessionLimit?

    /// Creates the default configuration.
    package init() {}
}

/// How many sessions one user may have at a time, and what happens to one more.
package struct SessionLimit: Sendable, Hashable {
    /// What happens to a login that is one too many.
    package enum Policy: String, Sendable, Hashable, CaseIterable {
        /// The session that began first ends.
        case oldestEnds
        /// The login is refused.
        case refuse
    }

    /// The most sessions of a user.
    package var count: Int
    /// What happens to one more.
    package var policy: Policy

    /// Creates a limit.
    package init(_ count: Int, policy: Policy = .oldestEnds) {
        precondition(count > 0, "a user needs a session")
        self.count = count
        self.policy = policy
    }
}
