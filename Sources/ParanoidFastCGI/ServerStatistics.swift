internal import WorkerSupervisor

/// How things are with the workers of an application, and how often a limit was reached, since its supervisor started.
///
/// Numbers of all workers together, those that are gone included. What other workers say is up to a second old, and a worker that is killed takes the
/// requests of its last second with it. Each number is read by itself, so they need not fit together exactly.
public struct ServerStatistics: Sendable, Hashable {
    /// Worker processes that serve or finish what they have; 1 in a process that serves alone.
    public var workers = 0
    /// Connections that are open, idle ones included.
    public var openConnections = 0
    /// Requests that run, or wait for a thread.
    public var runningRequests = 0
    /// Requests that were given to a handler.
    public var requests = 0

    /// Connections closed because their peer is on none of the lists (`PARANOID_LISTEN_PEERS`, `PARANOID_LISTEN_CLIENTS`).
    public var refusedPeers = 0
    /// Connections closed because too many were open, or the system gave no descriptor.
    public var refusedConnections = 0
    /// Connections closed because what came over them was no FastCGI request.
    public var brokenRequests = 0
    /// Requests answered with 400 because of `PARANOID_PARAMETER_LIMIT` or `PARANOID_PARAMETER_BYTES`.
    public var refusedParameters = 0
    /// Requests answered with 503 because of `PARANOID_REQUEST_LIMIT`.
    public var overloads = 0
    /// Requests cancelled because of `PARANOID_REQUEST_DEADLINE`.
    public var overdueRequests = 0
    /// Other responses with status 400.
    public var badRequests = 0
    /// Responses with status 413, as for bodies beyond `PARANOID_BODY_LIMIT`.
    public var largeBodies = 0
    /// Responses of handlers with status 503, as for sessions that could not be locked or stored.
    public var unavailable = 0
    /// Responses with another status of 500 or more.
    public var failures = 0
    /// Responses whose head was longer than `PARANOID_RESPONSE_HEAD_WARNING`.
    public var largeResponseHeads = 0

    /// Nothing yet.
    public init() {}

    init(_ totals: WorkerTotals, count: (StatisticsCounter) -> Int) {
        self.workers = totals.workers
        self.openConnections = totals.openConnections
        self.runningRequests = totals.runningRequests
        self.requests = totals.servedRequests
        self.refusedPeers = count(.peerRefused)
        self.refusedConnections = count(.connectionRefused)
        self.brokenRequests = count(.notARequest)
        self.refusedParameters = count(.parametersRefused)
        self.overloads = count(.overloaded)
        self.overdueRequests = count(.overdue)
        self.badRequests = count(.badRequest)
        self.largeBodies = count(.bodyTooLarge)
        self.unavailable = count(.unavailable)
        self.failures = count(.failed)
        self.largeResponseHeads = count(.largeResponseHead)
    }
}

extension ServerStatistics: Encodable {}
