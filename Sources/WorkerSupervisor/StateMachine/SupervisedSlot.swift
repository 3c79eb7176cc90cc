/// The place of one worker, with the processes that are alive in it: at most one that serves and one that comes or goes.
struct SupervisedSlot: Sendable {
    /// What a worker is doing.
    enum Phase: Sendable, Hashable {
        /// It was spawned and has not said that it is ready.
        case starting
        /// It serves.
        case ready
        /// It was asked to finish.
        case draining
        /// It was stuck and sent SIGABRT once or, later, twice; what that means for the slot has been counted.
        case aborted(at: Duration, isSecond: Bool)
        /// It was sent SIGKILL, and what that means for the slot has been counted.
        case killed
    }

    /// One living worker.
    struct Worker: Sendable {
        let identifier: WorkerIdentifier
        let spawnedAt: Duration
        var phase: Phase
        /// When the phase has lasted too long.
        var deadline: Duration?
        /// Whether it asked for a successor.
        var wantsReplacement = false

        /// The heartbeat when it was looked at last.
        var heartbeat: UInt64 = 0
        /// When it was looked at last.
        var observedAt: Duration?
        /// For how long it has given no sign of life, as far as the supervisor looked.
        var silence: Duration = .zero

        /// When it last gave a sign of life before it ended now: writing a crash report takes seconds, in which it is dead already.
        func lastSignOfLife(at now: Duration) -> Duration {
            guard let observedAt, self.silence > .zero else { return now }
            return observedAt - self.silence
        }

        /// Notes the heartbeat that was seen.
        ///
        /// Silence adds up only while the supervisor itself runs: after a suspension of the machine no worker is to blame.
        mutating func observe(_ heartbeat: UInt64, at now: Duration, longestStep: Duration) {
            let step = self.observedAt.map { min(now - $0, longestStep) } ?? .zero
            self.silence = heartbeat == self.heartbeat ? self.silence + step : .zero
            self.heartbeat = heartbeat
            self.observedAt = now
        }

        /// Whether it serves or is about to.
        var isServing: Bool { self.phase == .starting || self.phase == .ready }
    }

    /// The living workers, oldest first.
    var workers: [Worker] = []
    /// Early exits in a slot.
    var earlyExits = 0
    /// The end of the pause after the last death.
    var notBefore: Duration = .zero
    /// Whether the handoff socket is closed, as the slot is being given up.
    var isRetired = false

    /// Counts the end of one of the workers, and makes the pause before the next begin.
    mutating func countExit(of worker: Worker, at now: Duration, _ backoff: RestartBackoff) {
        let age = worker.lastSignOfLife(at: now) - worker.spawnedAt
        self.earlyExits = backoff.earlyExits(after: self.earlyExits, age: age, wasReady: worker.phase == .ready)
        self.notBefore = now + backoff.delay(afterEarlyExits: self.earlyExits)
    }

    /// Whether another process may be started beside those that are alive.
    var hasRoom: Bool { self.workers.count < 2 }
    /// The youngest worker that serves or is about to.
    var newest: Worker? { self.workers.last { $0.isServing } }
}

extension [SupervisedSlot] {
    /// All living workers.
    var workers: [SupervisedSlot.Worker] { self.flatMap(\.workers) }

    /// Finds a worker that is alive.
    func worker(_ identifier: WorkerIdentifier) -> SupervisedSlot.Worker? {
        guard self.indices.contains(identifier.slot) else { return nil }
        return self[identifier.slot].workers.first { $0.identifier == identifier }
    }

    /// Changes what is known of a worker; nothing if it is gone.
    mutating func update(_ identifier: WorkerIdentifier, _ change: (inout SupervisedSlot.Worker) -> Void) {
        guard self.indices.contains(identifier.slot) else { return }
        guard let position = self[identifier.slot].workers.firstIndex(where: { $0.identifier == identifier }) else { return }
        change(&self[identifier.slot].workers[position])
    }

    /// Forgets a worker, which has a slot.
    mutating func remove(_ identifier: WorkerIdentifier) {
        self[identifier.slot].workers.removeAll { $0.identifier == identifier }
    }
}

/// How long to wait before a dead worker is replaced, as a function of how its predecessors in the same slot died.
///
/// A worker that lived is replaced at once; each one in a slot that ended early doubles the pause, up to a cap.
/// Meanwhile connections wait in the listener's backlog, so the cap is also the longest time a crash loop can keep a slot's share waiting.
package struct RestartBackoff: Sendable, Hashable {
    /// The pause after the first early exit.
    package var initialDelay: Duration
    /// The longest pause.
    package var maximumDelay: Duration
    /// A worker that dies before this age ended early; so did one that was never ready, whatever its age.
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

    /// The number of early exits in a slot, counting this one; zero when the worker lived, whatever came before.
    ///
    /// - Parameters:
    ///   - previous: The number before this death.
    ///   - age: The time from the spawn to the end.
    ///   - wasReady: Whether the worker had reported that it was serving.
    package func earlyExits(after previous: Int, age: Duration, wasReady: Bool) -> Int {
        wasReady && age >= self.minimumUptime ? 0 : previous + 1
    }

    /// The pause before the next spawn after that many early exits in a slot.
    package func delay(afterEarlyExits count: Int) -> Duration {
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
