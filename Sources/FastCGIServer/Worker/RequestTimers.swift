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
                logger.warning("A request takes too long and is cancelled.", metadata: ["request.overdue": "\(overdue)"])
                timer.cancel()
            case .giveUp:
                logger.error("A handler ignores that its request was cancelled.", metadata: ["request.grace": "\(self.grace)"])
                isIgnored = true
            case nil: break
            }
        }
        return isIgnored
    }
}
