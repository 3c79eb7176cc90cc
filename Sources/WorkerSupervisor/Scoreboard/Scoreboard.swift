package import ParanoidLinux

/// What all workers and their supervisor know of one another, in memory that they share.
///
/// Every slot has two generations, as two workers can be alive in it, and each worker writes what it was given. Numbers are written at once,
/// so a reader never sees a part of one, and rows of text are read whole or not at all; a worker that is killed leaves what the supervisor clears.
package final class Scoreboard: Sendable {
    /// How many things can be counted for all workers together.
    package static let counters = 2048
    /// Counted by the supervisor: requests served by workers that are gone.
    package static let formerRequests = 0
    /// The numbers of a slot: two generations.
    private static let wordsPerSlot = 2 * ScoreboardSlot.wordCount

    /// The numbers and the rows of a slot; those of all slots come before these.
    private static let rowWordsPerSlot = 2 * ScoreboardRows.wordCount
    /// Names this arrangement, in the place of the last counter: a program of another version must not write into it.
    private static let layout: UInt64 = 0x5053_4252_0000_0002

    private let page: SharedMemory
    /// How many slots have a place.
    package let slots: Int

    /// Makes an empty scoreboard.
    package init(slots: Int) throws(SystemCallError) {
        self.page = try SharedMemory(memoryFor: Self.counters + slots * (Self.wordsPerSlot + Self.rowWordsPerSlot))
        self.slots = Self.slots(in: self.page)
        self.page.store(Self.layout, at: Self.counters - 1)
    }

    /// Takes over the scoreboard that a supervisor has made.
    ///
    /// - Throws: The system's error; ``SystemCallError/tooFewPages`` for one that a program of another version has made.
    package init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        self.page = try SharedMemory(adopting: descriptor)
        guard self.page.wordCount > Self.counters, self.page.load(Self.counters - 1) == Self.layout else { throw .tooFewPages }
        self.slots = Self.slots(in: self.page)
    }

    private static func slots(in page: SharedMemory) -> Int {
        (page.wordCount - Self.counters) / (Self.wordsPerSlot + Self.rowWordsPerSlot)
    }

    /// The descriptor for the workers to inherit.
    package var descriptorNumber: CInt { self.page.descriptorNumber }

    /// One of the two generations of a slot.
    package func slot(_ index: Int, generation: Int) -> ScoreboardSlot {
        precondition(0..<self.slots ~= index && 0..<2 ~= generation, "no such slot")
        let first = Self.counters + index * Self.wordsPerSlot
        return ScoreboardSlot(
            page: self.page,
            first: first + generation * ScoreboardSlot.wordCount,
            arriving: first + ScoreboardSlot.wordCount - 1
        )
    }

    /// The rows of one of the two generations of a slot.
    package func rows(_ index: Int, generation: Int) -> ScoreboardRows {
        precondition(0..<self.slots ~= index && 0..<2 ~= generation, "no such slot")
        let first = Self.counters + self.slots * Self.wordsPerSlot + index * Self.rowWordsPerSlot
        return ScoreboardRows(page: self.page, first: first + generation * ScoreboardRows.wordCount)
    }

    /// How busy a slot is; `nil` when no worker in it takes connections.
    ///
    /// - Parameters:
    ///   - now: Nanoseconds of `CoarseClock.now()`.
    ///   - timeout: A worker whose last sign of life is older takes nothing, as far as others are concerned.
    package func load(ofSlot slot: Int, now: Int64, timeout: Int64) -> Int? {
        let generations = [self.slot(slot, generation: 0), self.slot(slot, generation: 1)]
        let serving = generations.filter { $0.state == .serving && now - $0.lastSignOfLife <= timeout }
        guard let first = serving.first else { return nil }
        return serving.reduce(first.arriving) { $0 + $1.openConnections }
    }

    /// Counts something that is rare enough for all processes to count in one place.
    package func count(_ counter: Int, _ amount: Int = 1) {
        precondition(0..<(Self.counters - 1) ~= counter, "no such counter")
        self.page.add(UInt64(amount), at: counter)
    }

    /// Puts a number that all processes are to know in the place of a counter.
    package func set(_ value: UInt64, ofCounter counter: Int) {
        precondition(0..<(Self.counters - 1) ~= counter, "no such counter")
        self.page.store(value, at: counter)
    }

    /// How often something was counted, by workers that are gone as well.
    package func value(ofCounter counter: Int) -> Int {
        precondition(0..<(Self.counters - 1) ~= counter, "no such counter")
        return Int(truncatingIfNeeded: self.page.load(counter))
    }

    /// Clears what a worker that is gone has said, and remembers how many requests it has served.
    func retire(_ slot: ScoreboardSlot) {
        self.count(Self.formerRequests, slot.servedRequests)
        slot.clear()
    }

    /// How things are in all workers together.
    package var totals: WorkerTotals {
        var totals = WorkerTotals()
        totals.servedRequests = self.value(ofCounter: Self.formerRequests)
        for slot in 0..<self.slots {
            for worker in [self.slot(slot, generation: 0), self.slot(slot, generation: 1)] where worker.state != .absent {
                totals.workers += 1
                totals.servedRequests += worker.servedRequests
                totals.runningRequests += worker.runningRequests
                totals.openConnections += worker.openConnections
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
