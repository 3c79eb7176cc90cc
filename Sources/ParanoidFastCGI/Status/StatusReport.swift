internal import ParanoidHTTP
internal import ParanoidLinux
internal import ParanoidSessions
internal import WorkerSupervisor

/// How an application is at one moment; a value, from which each form of the status is made.
struct StatusReport: Sendable {
    /// A worker.
    struct Worker: Sendable {
        var slot: Int
        var process: Int
        /// What it does, in one word.
        var state: String
        var ageSeconds: Int
        var requests: Int
        var running: Int
        var connections: Int
        var memoryBytes: Int?
        /// How long ago it has shown that its threads run; `nil` before it has served.
        var silenceSeconds: Double?
        /// The requests that run, the oldest first.
        var rows: [Row]
        /// How the worker before it in the same slot ended.
        var lastExit: Exit?
    }

    /// A request that runs.
    struct Row: Sendable, Hashable {
        var text: String
        var milliseconds: Int
    }

    /// The end of a worker.
    struct Exit: Sendable, Hashable {
        var status: String
        var secondsAgo: Int
    }

    /// A route that was asked for.
    struct Route: Sendable {
        var method: String
        /// The pattern; `-`: requests that no route answers; `…`: routes beyond those with numbers.
        var pattern: String
        var times: MetricsRegistry.Histogram
        var failures: Int
    }

    /// The load at one moment.
    struct Sample: Sendable, Hashable {
        /// Seconds of a clock that does not go back.
        var seconds: Double
        var requests: Int
        var failures: Int
        var running: Int
        var connections: Int
    }

    /// The last sweep of the session store.
    struct Sweep: Sendable, Hashable {
        var live = 0
        var anonymous = 0
        var removed = 0
        var skipped = 0
        var bytesFree: Int?
        var inodesFree: Int?
        var secondsAgo = 0
    }

    var process: Int
    var uptimeSeconds: Int
    /// What the supervisor does, in one word.
    var phase: String
    var serving: Int
    var wanted: Int
    var finishedReloads: Int
    var abandonedReloads: Int
    /// What a person should know about the last reload; `nil`: nothing.
    var lastReload: String?
    var deaths: Int
    var workers: [Worker]
    var statistics: ServerStatistics
    /// Responses by the first digit of their status.
    var responses: [Int]
    var routes: [Route]
    var phases: [(phase: RequestTrace.Phase, times: MetricsRegistry.Histogram)]
    /// How the guard has judged requests that used their sessions.
    var verdicts: [(verdict: GuardVerdict, count: Int)]
    var sessionEvents: [(kind: SessionEvent.Kind, count: Int)]
    /// How long requests waited for sessions that others held.
    var lockWaits: MetricsRegistry.Histogram
    /// How many of those waits ended without the session.
    var abandonedLockWaits: Int
    #if Redis
    /// What was counted of a Redis.
    var redis: MetricsRegistry.RedisFigures?
    #endif
    var sweep: Sweep?
    /// The memory that all processes are allowed together; `nil`: no limit.
    var memory: UsableMemory.Limit?
    /// The oldest first.
    var samples: [Sample]

    /// Whether requests are answered.
    var isReady: Bool { self.serving > 0 && self.phase != "stopping" }

    /// Requests per second between the last two samples.
    var requestsPerSecond: Double? {
        guard self.samples.count >= 2 else { return nil }
        return self.samples[self.samples.count - 1].rate(since: self.samples[self.samples.count - 2])
    }

    /// Requests that run, or wait for a thread: those of the workers below, so that the sum and its parts are one reading.
    var running: Int { self.workers.reduce(0) { $0 + $1.running } }

    /// How often each limit was reached.
    var limits: [(event: ServerStatistics.Event, count: Int)] { self.counts(ofLimits: true) }

    /// How often something was refused or has failed that is no limit.
    var errors: [(event: ServerStatistics.Event, count: Int)] { self.counts(ofLimits: false) }

    private func counts(ofLimits isLimit: Bool) -> [(event: ServerStatistics.Event, count: Int)] {
        ServerStatistics.Event.allCases.filter { $0.isLimit == isLimit }.map { ($0, self.statistics.count(of: $0)) }
    }

    /// The number of events that somebody should look at.
    var alarms: Int {
        self.sessionEvents.reduce(0) { $0 + ([.reuse, .tokenReuse, .guessing].contains($1.kind) ? $1.count : 0) }
    }
}

extension StatusReport.Sample {
    /// Requests per second since an earlier sample.
    func rate(since earlier: Self) -> Double? {
        let time = self.seconds - earlier.seconds
        return time > 0 ? Double(self.requests - earlier.requests) / time : nil
    }
}
