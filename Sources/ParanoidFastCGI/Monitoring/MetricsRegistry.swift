internal import FileSessionStore
internal import ParanoidHTTP
internal import ParanoidSessions
internal import WorkerSupervisor

/// The numbers that all processes of an application count together, in the memory that they share: the one place for status, metrics and
/// ``Application/statistics``.
///
/// Counting is one addition in memory and takes no lock; a process that ends takes nothing with it.
struct MetricsRegistry: Sendable {
    /// A distribution of times.
    struct Histogram: Sendable, Hashable {
        /// The number of times up to each of ``MetricsRegistry/bounds``, and of longer ones; not added up.
        var counts: [Int]
        /// All times together.
        var microseconds: Int

        /// How many times there are.
        var count: Int { self.counts.reduce(0, +) }

        /// The bound below which a part of the times lies, in seconds; `nil` when it lies beyond the last bound, or there are none.
        func quantile(_ part: Double) -> Double? {
            let wanted = Double(self.count) * part
            var seen = 0
            for (bound, count) in zip(MetricsRegistry.bounds, self.counts) {
                seen += count
                if seen > 0, Double(seen) >= wanted { return Double(bound) / 1_000_000 }
            }
            return nil
        }
    }

    /// The bounds of times in microseconds.
    static let bounds = [1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000]
    /// Routes that have numbers of their own; requests of the others are counted together, under the last number.
    static let routeCount = 100

    // Places on the scoreboard; those below 16 are the server's (ServerStatistics.Event).
    private static let statuses = 16
    private static let verdicts = 24
    private static let sessionEvents = 32
    private static let phases = 64
    private static let lockWaits = 240
    private static let routes = 256
    // Behind the routes, from 1856 on: Redis.
    static let wordsPerHistogram = 16

    let scoreboard: Scoreboard

    // MARK: Counting

    /// Counts a response.
    ///
    /// - Parameter route: The number of the route; 0 without one.
    func count(_ facts: borrowing RequestTrace.Facts, total nanoseconds: Int64) {
        self.scoreboard.count(Self.statuses + min(max(facts.status / 100, 0), 5))
        let route = Self.routes + min(facts.routeNumber, Self.routeCount - 1) * Self.wordsPerHistogram
        self.count(nanoseconds, at: route)
        if facts.status >= 500 { self.scoreboard.count(route + Self.wordsPerHistogram - 1) }
        let verdict = facts.verdict
        if !verdict.isEmpty, let index = GuardVerdict.allCases.firstIndex(where: { $0.rawValue == verdict }) {
            self.scoreboard.count(Self.verdicts + index)
        }
        for phase in RequestTrace.Phase.all where facts[phase] > 0 {
            self.count(facts[phase], at: Self.phases + phase.rawValue * Self.wordsPerHistogram)
        }
    }

    func count(_ nanoseconds: Int64, at place: Int) {
        let microseconds = Int(max(0, nanoseconds) / 1000)
        let bucket = Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count
        self.scoreboard.count(place + bucket)
        self.scoreboard.count(place + Self.bounds.count + 1, microseconds)
    }

    /// Counts an event of a session.
    func count(_ kind: SessionEvent.Kind) {
        self.scoreboard.count(Self.place(of: kind))
    }

    /// Counts a caller that waited for a session.
    func count(_ wait: LockWait) {
        self.count(wait.duration.wholeNanoseconds, at: Self.lockWaits)
        if wait.end == .gaveUp { self.scoreboard.count(Self.lockWaits + Self.wordsPerHistogram - 1) }
    }

    // MARK: Reading

    /// How long callers waited for sessions that others held, and how many of them gave up.
    var lockWaits: (times: Histogram, givenUp: Int) {
        (self.histogram(at: Self.lockWaits), self.scoreboard.value(ofCounter: Self.lockWaits + Self.wordsPerHistogram - 1))
    }

    /// The number of responses by the first digit of their status, from 1 to 5.
    func responses(ofClass digit: Int) -> Int { self.scoreboard.value(ofCounter: Self.statuses + digit) }

    /// How often something happened to a session, in all processes together.
    func count(of kind: SessionEvent.Kind) -> Int { self.scoreboard.value(ofCounter: Self.place(of: kind)) }

    /// How many requests that used their sessions the guard has judged in one way.
    func count(of verdict: GuardVerdict) -> Int {
        self.scoreboard.value(ofCounter: Self.verdicts + (GuardVerdict.allCases.firstIndex(of: verdict) ?? 0))
    }

    /// The times of a phase.
    func histogram(of phase: RequestTrace.Phase) -> Histogram {
        self.histogram(at: Self.phases + phase.rawValue * Self.wordsPerHistogram)
    }

    /// The times of a route's requests, and how many of them had a status of 500 or more.
    func route(_ number: Int) -> (times: Histogram, failures: Int) {
        let place = Self.routes + number * Self.wordsPerHistogram
        return (self.histogram(at: place), self.scoreboard.value(ofCounter: place + Self.wordsPerHistogram - 1))
    }

    func histogram(at place: Int) -> Histogram {
        Histogram(
            counts: (0...Self.bounds.count).map { self.scoreboard.value(ofCounter: place + $0) },
            microseconds: self.scoreboard.value(ofCounter: place + Self.bounds.count + 1)
        )
    }

    private static func place(of kind: SessionEvent.Kind) -> Int {
        self.sessionEvents + (SessionEvent.Kind.allCases.firstIndex(of: kind) ?? 0)
    }
}
