/// The place of one worker, with everybody who is alive in it: at most the one that serves and one that comes or goes.
struct SupervisedSlot: Sendable {
    /// What a worker is doing.
    enum Phase: Sendable, Hashable {
        /// It was spawned and has not said that it is ready.
        case starting
        /// It serves.
        case ready
        /// It was asked to finish.
        case draining
        /// It was stuck and sent SIGABRT, and what that means for the slot has been counted.
        case aborted
        /// It was sent SIGKILL, and what that means for the slot has been counted.
        case killed
    }

    /// One living worker.
    struct Worker: Sendable {
        let identifier: WorkerIdentifier
        let spawnedAt: Duration
        var phase: Phase
        /// When timeout with the phase ends.
        var deadline: Duration?
        /// Whether it asked for a successor.
        var wantsReplacement = false

        /// When it was found stuck.
        var abortedAt: Duration = .zero
        /// Whether it was sent SIGABRT twice.
        var hasSecondAbort = false

        /// The heartbeat when it was looked at last.
        var heartbeat: UInt64 = 0
        /// When it was looked at last.
        var observedAt: Duration?
        /// For how long it has given no sign of life, as far as somebody looked.
        var silence: Duration = .zero

        /// When it last gave a sign of life before it ended now: writing a crash report takes seconds, in which it is dead already.
        func lastSignOfLife(at now: Duration) -> Duration {
            guard let observedAt, self.silence > .zero else { return now }
            return observedAt - self.silence
        }

        /// Whether it serves or is about to.
        var isServing: Bool { self.phase == .starting || self.phase == .ready }
    }

    /// The living workers, oldest first.
    var workers: [Worker] = []
    /// Young deaths in a row.
    var earlyExits = 0
    /// The end of the pause after the last death.
    var notBefore: Duration = .zero
    /// Whether the mailbox is closed, as the slot is being given up.
    var isRetired = false

    /// Whether another process may be started beside those that are alive.
    var hasRoom: Bool { self.workers.count < 2 }
    /// The youngest worker that serves or is about to.
    var newest: Worker? { self.workers.last { $0.isServing } }
}
