package import LinuxSupport

/// What all workers and their supervisor know of one another, in memory that they share.
///
/// Every slot has two rows, as two generations can be alive in it, and each worker writes the row that it was given. Numbers only, each
/// written at once, so nobody can read half of one; a worker that is killed leaves a row that the supervisor clears.
package final class WorkerBoard: Sendable {
    /// The numbers of a slot: two rows of eight, which is a cache line each.
    private static let wordsPerSlot = 16

    private let page: SharedPage

    /// Makes an empty board.
    package init(slots: Int) throws(SystemCallError) {
        self.page = try SharedPage(memoryFor: slots * Self.wordsPerSlot)
    }

    /// Takes over the board that a supervisor has made.
    package init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        self.page = try SharedPage(adopting: descriptor)
    }

    /// The descriptor for the workers to inherit.
    package var descriptorNumber: CInt { self.page.descriptorNumber }

    /// How many slots have a place.
    package var slots: Int { self.page.wordCount / Self.wordsPerSlot }

    /// One of the two rows of a slot.
    package func row(slot: Int, half: Int) -> WorkerRow {
        precondition(0..<self.slots ~= slot && 0..<2 ~= half, "no such row")
        let first = slot * Self.wordsPerSlot
        return WorkerRow(page: self.page, first: first + half * WorkerRow.wordCount, arriving: first + WorkerRow.wordCount - 1)
    }

    /// How busy a slot is; `nil` when nobody in it takes connections.
    ///
    /// - Parameters:
    ///   - now: Nanoseconds of `CoarseClock.monotonicNanoseconds()`.
    ///   - patience: A worker whose last sign of life is older takes nothing, as far as others are concerned.
    package func load(ofSlot slot: Int, now: Int64, patience: Int64) -> Int? {
        let rows = [self.row(slot: slot, half: 0), self.row(slot: slot, half: 1)]
        let serving = rows.filter { $0.state == .serving && now - $0.lastSignOfLife <= patience }
        guard let first = serving.first else { return nil }
        return serving.reduce(first.arriving) { $0 + $1.openConnections }
    }
}
