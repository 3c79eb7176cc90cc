/// How long to wait before a dead worker is replaced, as a function of how its predecessors in the same slot died.
///
/// A worker that lived is replaced at once; each one in a row that died young doubles the pause, up to a cap.
/// Meanwhile connections wait in the listener's backlog, so the cap is also the longest time a crash loop can keep a slot's share waiting.
package struct RestartBackoff: Sendable, Hashable {
    /// The pause after the first young death.
    package var initialDelay: Duration
    /// The longest pause.
    package var maximumDelay: Duration
    /// A worker that dies before this age died young; so did one that was never ready, whatever its age.
    package var minimumUptime: Duration

    package init(
        initialDelay: Duration = .milliseconds(100),
        maximumDelay: Duration = .seconds(5),
        minimumUptime: Duration = .seconds(10)
    ) {
        self.initialDelay = initialDelay
        self.maximumDelay = maximumDelay
        self.minimumUptime = minimumUptime
    }

    /// The number of young deaths in a row, counting this one; zero when the worker lived, whatever came before.
    ///
    /// - Parameters:
    ///   - previous: The number before this death.
    ///   - age: The time from the spawn to the end.
    ///   - wasReady: Whether the worker had reported that it was serving.
    package func earlyExits(after previous: Int, age: Duration, wasReady: Bool) -> Int {
        wasReady && age >= self.minimumUptime ? 0 : previous + 1
    }

    /// The pause before the next spawn after that many young deaths in a row.
    package func delay(afterYoungDeaths count: Int) -> Duration {
        guard count > 0 else { return .zero }
        var delay = self.initialDelay
        for _ in 1..<max(count, 1) {
            // Stopping here keeps the doubling from overflowing after a long night of crashes.
            guard delay < self.maximumDelay else { break }
            delay *= 2
        }
        return min(delay, self.maximumDelay)
    }
}
