internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// The timers of all handlers that have not returned yet.
final class RequestTimers: Sendable {
    private struct Running {
        var timers: [ObjectIdentifier: RequestTimer] = [:]
        var overdue = 0
    }

    private let time: Duration
    private let grace: Duration
    private let running = Mutex(Running())

    /// Prepares for requests that may take so long.
    init(time: Duration, grace: Duration) {
        self.time = time
        self.grace = grace
    }

    /// Starts the timer of a request.
    func begin() -> RequestTimer {
        let timer = RequestTimer(now: CoarseClock.now(), allowing: self.time, grace: self.grace)
        self.running.withLock { $0.timers[ObjectIdentifier(timer)] = timer }
        return timer
    }

    /// The handler has returned.
    func end(_ timer: RequestTimer) {
        let ended = self.running.withLock { $0.timers.removeValue(forKey: ObjectIdentifier(timer)) }
        // Its task must not end under the lock.
        _ = ended
    }

    /// Asks handlers to end whose time is over.
    ///
    /// - Returns: Whether one was found that goes on nevertheless.
    func keepTime(now: Int64, logger: Logger, onOverdue: () -> Void = {}) -> Bool {
        let due = self.running.withLock { running in running.timers.values.filter { $0.deadline <= now } }
        var isIgnored = false
        for timer in due {
            switch timer.expire(now: now) {
            case .cancel:
                onOverdue()
                let overdue = self.running.withLock { running in
                    running.overdue += 1
                    return running.overdue
                }
                logger.warning("A request takes too long and is cancelled.", metadata: ["request.overdue": .stringConvertible(overdue)])
                timer.cancel()
            case .giveUp:
                logger.error(
                    "A handler ignores that its request was cancelled.",
                    metadata: ["request.grace_seconds": .stringConvertible(self.grace / .seconds(1))]
                )
                isIgnored = true
            case nil: break
            }
        }
        return isIgnored
    }
}

/// The time that one request may take, and the task to cancel when it is over.
final class RequestTimer: Sendable {
    /// The thing to do when a request's time is over.
    enum Expiry: Sendable, Hashable {
        /// The handler is asked to end.
        case cancel
        /// The handler was asked to end, and goes on.
        case giveUp
    }

    private enum Stage: UInt8 {
        case running, cancelled, givenUp
    }

    private let stage = Atomic<UInt8>(Stage.running.rawValue)
    private let task = Mutex<Task<Void, Never>?>(nil)
    /// When the request has to be over (`CoarseClock`).
    let deadline: Int64
    private let grace: Int64

    /// Starts a timer.
    init(now: Int64, allowing time: Duration, grace: Duration) {
        self.deadline = now &+ time.nanoseconds
        self.grace = grace.nanoseconds
    }

    /// Whether the handler was asked to end because of the time.
    var isOverdue: Bool { self.stage.load(ordering: .acquiring) != Stage.running.rawValue }

    /// Makes the request's task known, before it runs for the first time.
    func set(_ task: Task<Void, Never>) {
        self.task.withLock { $0 = task }
    }

    /// Cancels the task.
    func cancel() {
        let task = self.task.withLock { $0 }
        task?.cancel()
    }

    /// Looks at the time; each expiry is reported once, to one caller.
    func expire(now: Int64) -> Expiry? {
        switch Stage(rawValue: self.stage.load(ordering: .acquiring)) {
        case .running where now >= self.deadline: self.enter(.cancelled, from: .running) ? .cancel : nil
        case .cancelled where now >= self.deadline &+ self.grace: self.enter(.givenUp, from: .cancelled) ? .giveUp : nil
        default: nil
        }
    }

    private func enter(_ stage: Stage, from previous: Stage) -> Bool {
        self.stage.compareExchange(expected: previous.rawValue, desired: stage.rawValue, ordering: .acquiringAndReleasing).exchanged
    }
}
