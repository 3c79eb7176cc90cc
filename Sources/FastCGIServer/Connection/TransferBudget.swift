/// How long one direction of a request may still keep a thread waiting: a fixed time, and more for every byte that has come through.
///
/// A time-out per call is not enough: a peer that sends one byte a second never runs into it.
struct TransferBudget: Sendable {
    /// The time that needs no bytes, in nanoseconds.
    var grace: Int64
    /// The slowest acceptable rate in bytes per second.
    var minimumRate: Int
    private(set) var waited: Int64 = 0
    private(set) var transferred = 0

    /// Creates an unused budget.
    init(grace: Duration, minimumRate: Int) {
        self.grace = grace.nanoseconds
        self.minimumRate = max(1, minimumRate)
    }

    /// Forgets what was spent.
    mutating func restart() {
        self.waited = 0
        self.transferred = 0
    }

    /// The nanoseconds left; negative when the budget is used up.
    var remaining: Int64 {
        let earned = Int64(self.transferred / self.minimumRate) * 1_000_000_000
        return self.grace + earned - self.waited
    }

    /// Books one call.
    mutating func spend(_ nanoseconds: Int64, bytes: Int) {
        self.waited += nanoseconds
        self.transferred += bytes
    }
}

extension Duration {
    /// Whole nanoseconds; durations of more than 292 years are cut to that.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        guard seconds < Int64.max / 2_000_000_000 else { return Int64.max / 2 }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
