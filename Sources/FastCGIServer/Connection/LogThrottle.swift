internal import ParanoidLinux
internal import Synchronization

/// When something was last reported that may happen very often.
package final class LogThrottle: Sendable {
    private let moment = Atomic<Int64>(.min)
    private let pause: Int64

    /// Starts without a report.
    ///
    /// - Parameter pause: Between two reports.
    package init(pause: Duration = .seconds(1)) {
        self.pause = pause.nanoseconds
    }

    /// Whether the last report is long enough ago; whoever is told so reports.
    package var isDue: Bool {
        let now = CoarseClock.now()
        let last = self.moment.load(ordering: .relaxed)
        guard last == .min || now - last > self.pause else { return false }
        return self.moment.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    }
}
