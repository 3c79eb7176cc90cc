/// Tells steps of the wall clock from the passing of time, by the time since the machine started, which never steps (pure).
///
/// What differs little is followed at once: that is how time servers correct a clock. A step is followed only when the clock has stood by it
/// for a while; until then time goes on as if it had not happened, so that a clock that is wrong for a moment ends nothing.
package struct ClockStepFilter: Sendable, Hashable {
    /// A step that has not been confirmed.
    package struct Pending: Sendable, Hashable {
        /// The difference of the two clocks since the step, in nanoseconds.
        package var offset: Int64
        /// When it was seen first, in nanoseconds since the machine started.
        package var since: Int64
    }

    /// The greatest difference, in nanoseconds, that is followed at once.
    package static let tolerance: Int64 = 60_000_000_000
    /// For how many nanoseconds the clock has to stand by a step.
    package static let confirmation: Int64 = 600_000_000_000
    /// A difference, in nanoseconds, that is not worth noting.
    private static let grain: Int64 = 1_000_000

    /// By how much the wall clock is ahead of the time since the machine started, in nanoseconds.
    package private(set) var offset: Int64
    /// The step that has not been confirmed; `nil` when there is none.
    package private(set) var pending: Pending?

    /// Begins with the clocks as they are.
    package init(wall: Int64, boot: Int64) {
        self.init(offset: wall &- boot, pending: nil)
    }

    /// Goes on where others stand.
    package init(offset: Int64, pending: Pending?) {
        self.offset = offset
        self.pending = pending
    }

    /// The time that counts, in nanoseconds since the epoch, when the two clocks show this.
    package mutating func time(wall: Int64, boot: Int64) -> Int64 {
        let offset = wall &- boot
        if Self.isClose(offset, self.offset) {
            self.pending = nil
            if (offset &- self.offset).magnitude > Self.grain.magnitude { self.offset = offset }
            return wall
        }
        guard let pending, Self.isClose(offset, pending.offset) else {
            self.pending = Pending(offset: offset, since: boot)
            return boot &+ self.offset
        }
        guard boot &- pending.since >= Self.confirmation else { return boot &+ self.offset }
        self.offset = offset
        self.pending = nil
        return wall
    }

    private static func isClose(_ first: Int64, _ second: Int64) -> Bool {
        (first &- second).magnitude <= Self.tolerance.magnitude
    }
}
