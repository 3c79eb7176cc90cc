package import ParanoidLinux

/// What all workers and their supervisor know of one another, in memory that they share.
///
/// Every slot has two rows, as two generations can be alive in it, and each worker writes the row that it was given. Numbers only, each
/// written at once, so nobody can read half of one; a worker that is killed leaves a row that the supervisor clears.
package final class Scoreboard: Sendable {
    /// How many things can be counted for all workers together.
    package static let counters = 64
    /// Counted by the supervisor: requests that workers have served who are gone.
    package static let formerRequests = 0
    /// The numbers of a slot: two rows.
    private static let wordsPerSlot = 2 * ScoreboardSlot.wordCount

    private let page: SharedMemory

    /// Makes an empty board.
    package init(slots: Int) throws(SystemCallError) {
        self.page = try SharedMemory(memoryFor: Self.counters + slots * Self.wordsPerSlot)
    }

    /// Takes over the board that a supervisor has made.
    package init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        self.page = try SharedMemory(adopting: descriptor)
    }

    /// The descriptor for the workers to inherit.
    package var descriptorNumber: CInt { self.page.descriptorNumber }

    /// How many slots have a place.
    package var slots: Int { (self.page.wordCount - Self.counters) / Self.wordsPerSlot }

    /// One of the two rows of a slot.
    package func row(slot: Int, half: Int) -> ScoreboardSlot {
        precondition(0..<self.slots ~= slot && 0..<2 ~= half, "no such row")
        let first = Self.counters + slot * Self.wordsPerSlot
        return ScoreboardSlot(
            page: self.page,
            first: first + half * ScoreboardSlot.wordCount,
            arriving: first + ScoreboardSlot.wordCount - 1
        )
    }

    /// How busy a slot is; `nil` when nobody in it takes connections.
    ///
    /// - Parameters:
    ///   - now: Nanoseconds of `CoarseClock.monotonicNanoseconds()`.
    ///   - timeout: A worker whose last sign of life is older takes nothing, as far as others are concerned.
    package func load(ofSlot slot: Int, now: Int64, timeout: Int64) -> Int? {
        let rows = [self.row(slot: slot, half: 0), self.row(slot: slot, half: 1)]
        let serving = rows.filter { $0.state == .serving && now - $0.lastSignOfLife <= timeout }
        guard let first = serving.first else { return nil }
        return serving.reduce(first.arriving) { $0 + $1.openConnections }
    }

    /// Counts something that is rare enough for all processes to count in one place.
    package func count(_ counter: Int, _ amount: Int = 1) {
        precondition(0..<Self.counters ~= counter, "no such counter")
        self.page.add(UInt64(amount), at: counter)
    }

    /// How often something was counted, by workers that are gone as well.
    package func value(ofCounter counter: Int) -> Int {
        precondition(0..<Self.counters ~= counter, "no such counter")
        return Int(truncatingIfNeeded: self.page.load(counter))
    }

    /// Makes a row that of nobody, and remembers what its worker has done.
    func retire(_ row: ScoreboardSlot) {
        self.count(Self.formerRequests, row.servedRequests)
        row.clear()
    }

    /// How things are in all workers together.
    package var totals: WorkerTotals {
        var totals = WorkerTotals()
        totals.servedRequests = self.value(ofCounter: Self.formerRequests)
        for slot in 0..<self.slots {
            for row in [self.row(slot: slot, half: 0), self.row(slot: slot, half: 1)] where row.state != .absent {
                totals.workers += 1
                totals.servedRequests += row.servedRequests
                totals.runningRequests += row.runningRequests
                totals.openConnections += row.openConnections
            }
        }
        return totals
    }
}

/// How things are in all workers together, as far as they have said.
package struct WorkerTotals: Sendable, Hashable {
    /// Workers that serve or finish what they have.
    package var workers = 0
    /// Requests that were begun, by workers that are gone as well.
    package var servedRequests = 0
    /// Requests that run or wait.
    package var runningRequests = 0
    /// Connections that are open.
    package var openConnections = 0
}
