internal import Glibc

/// Pauses between tries for something that others hold for microseconds, growing from 50 µs to 2 ms up to a deadline.
package struct Backoff: Sendable {
    private static let first: Int64 = 50_000
    private static let longest: Int64 = 2_000_000
    /// How long a cancelled task may occupy its thread in all: it cannot suspend any more.
    private static let longestBlocking: Int64 = 50_000_000

    private let deadline: ContinuousClock.Instant
    private var next = Self.first
    private var blocked: Int64 = 0
    private var state: UInt64

    /// Creates pauses that end at `deadline`.
    package init(until deadline: ContinuousClock.Instant) {
        self.deadline = deadline
        self.state = UInt64(bitPattern: CoarseClock.bootNanoseconds()) | 1
    }

    /// Suspends the caller for a moment, longer each time, and not beyond the deadline.
    ///
    /// `Task.sleep` returns at once in a cancelled task. Such a task must still be able to finish what it has begun, so its pauses hold the
    /// thread, for 50 ms in all.
    ///
    /// - Returns: `false`, without a pause, when there is no time left.
    package mutating func wait() async -> Bool {
        let now = ContinuousClock.now
        guard now < self.deadline else { return false }
        // Jitter, so that those who collided once do not collide for ever. Nothing secret: xorshift will do.
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        let length = self.next / 2 + Int64(self.state % UInt64(self.next))
        self.next = min(self.next * 2, Self.longest)
        let end = min(now.advanced(by: .nanoseconds(length)), self.deadline)
        if !Task.isCancelled, (try? await Task.sleep(until: end, tolerance: .zero, clock: .continuous)) != nil { return true }
        guard self.blocked < Self.longestBlocking else { return false }
        self.blocked += length
        usleep(UInt32(length / 1000))
        return true
    }
}
