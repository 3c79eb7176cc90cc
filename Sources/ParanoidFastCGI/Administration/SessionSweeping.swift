internal import Logging
internal import ParanoidSessions

/// Removes expired sessions at an interval, a few files at a time, outside of any request.
///
/// One process of an application does it: the supervisor, or the only process where there is no supervisor.
struct SessionSweeping: Sendable {
    /// How many slices a second's files are taken in.
    private static let slicesPerSecond = 50

    let repository: SessionRepository
    let interval: Duration
    /// The most files looked at in a second.
    let rate: Int
    let clock: SystemSessionClock
    let logger: Logger
    /// Keeps the ends that no request has seen.
    var journal: EventJournal?
    /// Hears what each sweep has found.
    var note: @Sendable (SweepReport) -> Void = { _ in }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                let report = try await self.sweep()
                self.note(report)
                if let jump = self.clock.unconfirmedJump {
                    self.logger.warning(
                        "the system's clock has stepped; sessions follow it when it has stood by that for ten minutes",
                        metadata: ["clock.step_seconds": .stringConvertible(jump.components.seconds)]
                    )
                }
                let level: Logger.Level = report.removed + report.leftovers > 0 ? .info : .debug
                self.logger.log(level: level, "sessions swept", metadata: self.metadata(report))
            } catch {
                self.logger.error("the sweep has failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: self.interval)
        }
    }

    private func sweep() async throws(SessionStoreError) -> SweepReport {
        var total = SweepReport()
        while !total.isComplete && !Task.isCancelled {
            let begin = ContinuousClock.now
            let part = try await self.repository.sweep(expiredAt: self.clock.now, budget: max(1, self.rate / Self.slicesPerSecond))
            self.journal?.note(expired: part.expired)
            total.add(part)
            // Never more than half of one processor, even if the disk is slower than the rate.
            let pause = max(.seconds(1) / Self.slicesPerSecond, begin.duration(to: .now))
            try? await Task.sleep(for: pause)
        }
        return total
    }

    private func metadata(_ report: SweepReport) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "sweep.live": .stringConvertible(report.live), "sweep.anonymous": .stringConvertible(report.anonymous),
            "sweep.removed": .stringConvertible(report.removed),
            "sweep.skipped": .stringConvertible(report.skipped), "sweep.leftovers": .stringConvertible(report.leftovers),
        ]
        if let overdue = report.oldestOverdue { metadata["sweep.oldest_overdue_seconds"] = .stringConvertible(overdue.components.seconds) }
        if let bytes = report.bytesFree { metadata["space.bytes_free"] = .stringConvertible(bytes) }
        if let inodes = report.inodesFree { metadata["space.inodes_free"] = .stringConvertible(inodes) }
        return metadata
    }
}
