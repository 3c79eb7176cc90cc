internal import Logging
internal import SessionStorage
internal import SessionSecurity
internal import LinuxSupport

/// Removes expired sessions at an interval, a few files at a time, outside of any request.
///
/// One process of an application does it: the supervisor, or the only process where there is no supervisor.
struct SessionSweeping: Sendable {
    private static let slice = 256
    private static let pauseBetweenSlices = Duration.milliseconds(20)

    let repository: SessionRepository
    let interval: Duration
    let logger: Logger

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                let report = try await self.sweep()
                let level: Logger.Level = report.removed + report.leftovers > 0 ? .info : .debug
                self.logger.log(
                    level: level,
                    "sessions swept",
                    metadata: [
                        "sweep.live": "\(report.live)", "sweep.removed": "\(report.removed)", "sweep.skipped": "\(report.skipped)",
                        "sweep.leftovers": "\(report.leftovers)",
                    ]
                )
            } catch {
                self.logger.error("the sweep has failed", metadata: ["sweep.error": "\(error)"])
            }
            try? await Task.sleep(for: self.interval)
        }
    }

    private func sweep() async throws(SessionStoreError) -> SweepReport {
        var total = SweepReport()
        while !total.isComplete && !Task.isCancelled {
            let now = Timestamp(nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch())
            total.add(try await self.repository.sweep(expiredAt: now, budget: Self.slice))
            try? await Task.sleep(for: Self.pauseBetweenSlices)
        }
        return total
    }
}
