#if Redis
/// Whether a node is tried at all: after some failures in a row nobody waits for it any more, and one trial at a time finds out whether it
/// is back.
///
/// Pure: time and randomness are arguments. Times are nanoseconds of one clock.
enum CircuitBreaker: Sendable, Hashable {
    /// All may try.
    case closed(failures: Int)
    /// Nobody tries until then.
    case open(failures: Int, until: Int64)
    /// One tries.
    case trial(failures: Int)

    /// After how many failures nobody tries for a while.
    static let threshold = 3

    /// A breaker that has seen no failure.
    init() { self = .closed(failures: 0) }

    /// Whether one may try now; who is told yes reports what came of it.
    mutating func admits(at now: Int64) -> Bool {
        switch self {
        case .closed: return true
        case .trial: return false
        case .open(let failures, let until):
            guard now >= until else { return false }
            self = .trial(failures: failures)
            return true
        }
    }

    /// Notes that the node has answered.
    mutating func succeeded() { self = .closed(failures: 0) }

    /// Notes that the node could not be reached, or did not answer in time.
    ///
    /// - Parameter random: Spreads the next trials of many processes.
    mutating func failed(at now: Int64, random: UInt64) {
        let failures: Int
        switch self {
        case .closed(let before), .trial(let before), .open(let before, _): failures = min(before + 1, 1000)
        }
        guard failures >= Self.threshold else {
            self = .closed(failures: failures)
            return
        }
        self = .open(failures: failures, until: now + RetryPause.nanoseconds(try: failures - Self.threshold, random: random))
    }

    /// Whether all may try.
    var isClosed: Bool { if case .closed = self { true } else { false } }

    /// Whether nobody tries at this moment.
    func isOpen(at now: Int64) -> Bool {
        switch self {
        case .closed: false
        case .trial: true
        case .open(_, let until): now < until
        }
    }
}

/// How long to wait before something is tried again: twice as long each time, up to half a second, and a random part of it less, up to the half.
///
/// Not longer: a node that is back is to be found before the time of an operation is over.
enum RetryPause {
    static let first: Int64 = 50_000_000
    static let longest: Int64 = 500_000_000

    static func nanoseconds(try number: Int, random: UInt64) -> Int64 {
        let whole = min(self.first << Int64(min(max(number, 0), 10)), self.longest)
        return whole - Int64(random % UInt64(whole / 2))
    }
}
#endif
