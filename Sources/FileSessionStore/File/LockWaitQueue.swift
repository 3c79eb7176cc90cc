// Whose turn it is to take a session's lock within one process (pure but for resuming).

/// The callers of one process that want a session's lock.
///
/// One open file is shared by all tasks of a process and so is its `flock(2)`: only one of them may try for it at a time. The turn is free
/// for whoever runs; a woken waiter who comes too late waits again in front, and after a few such times gets the turn handed over.
struct LockWaitQueue {
    /// How a wait ended.
    enum Outcome: Sendable {
        /// The turn may be free: try again.
        case retry
        /// The turn was handed over.
        case granted
        /// The timeout ran out.
        case timedOut
        /// Too many wait already.
        case refused
    }

    struct Waiter {
        var deadline: ContinuousClock.Instant
        var wakeCount: Int
        var continuation: CheckedContinuation<Outcome, Never>
    }

    /// Waiters to resume once no lock is held, and with what.
    typealias Resumptions = [(CheckedContinuation<Outcome, Never>, Outcome)]

    private static let maximumWakes = 3
    private(set) var isTaken = false
    private(set) var waiters: [Waiter] = []

    /// Takes the turn if it is free.
    mutating func take() -> Bool {
        if self.isTaken { return false }
        self.isTaken = true
        return true
    }

    /// Takes the turn, or queues up.
    ///
    /// - Returns: How it ended at once; `nil` when the waiter was queued.
    mutating func takeOrWait(_ waiter: Waiter, limit: Int) -> Outcome? {
        if self.take() { return .granted }
        if waiter.wakeCount > 0 {
            self.waiters.insert(waiter, at: 0)
        } else if self.waiters.count < limit {
            self.waiters.append(waiter)
        } else {
            return .refused
        }
        return nil
    }

    /// Takes out those whose timeout ran out.
    mutating func expire(at now: ContinuousClock.Instant) -> Resumptions {
        let late = self.waiters.filter { $0.deadline <= now }
        if late.isEmpty { return [] }
        self.waiters.removeAll { $0.deadline <= now }
        return late.map { ($0.continuation, .timedOut) }
    }

    /// Gives the turn back, and wakes or grants the next.
    mutating func release() -> Resumptions {
        if self.waiters.isEmpty {
            self.isTaken = false
            return []
        }
        var resumptions = self.expire(at: .now)
        guard let next = self.waiters.first else {
            self.isTaken = false
            return resumptions
        }
        self.waiters.removeFirst()
        let isGranted = next.wakeCount >= Self.maximumWakes
        self.isTaken = isGranted
        resumptions.append((next.continuation, isGranted ? .granted : .retry))
        return resumptions
    }
}
