/// How sessions are protected and how long callers wait for them.
public struct SessionRepositoryConfiguration: Sendable {
    /// How records are protected in the store.
    public var protection: StoredSession.Protection = .sealed
    /// How long a change waits for the session's lock.
    public var timeout: Duration = .seconds(2)
    /// How many opened records are kept in memory, each proven fresh by its generation at every use.
    public var cachedSessions: Int = 4096

    /// How many sessions a user may have at a time; `nil`: any number.
    public var limitPerUser: SessionLimit?

    /// Creates the default configuration.
    public init() {}
}
