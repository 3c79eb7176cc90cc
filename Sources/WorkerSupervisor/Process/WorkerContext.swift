package import ParanoidLinux
internal import Synchronization

/// A worker's place among its siblings: where it says how it is, and through which it passes connections on.
///
/// May be used from any thread.
package final class WorkerContext: Sendable {
    private struct Neighbour: Sendable {
        let mailbox: SiblingHandoffSocket
        let isGone: Gone
    }

    private final class Gone: Sendable {
        let value = Atomic<Bool>(false)
    }

    /// A sibling that has given no sign of life for so long is passed nothing; a heartbeat comes every second.
    private static let timeout: Int64 = 3_000_000_000

    private let slot: Int
    private let row: ScoreboardSlot
    /// What all workers know of one another.
    package let board: Scoreboard
    private let report: WorkerReport?
    private let neighbours: [Neighbour]
    private let open = Atomic<Int>(0)
    private let served = Atomic<Int>(0)
    private let running = Atomic<Int>(0)
    private let allowance: Int?
    private let onHeartbeat: @Sendable () -> Void

    /// Takes the seat.
    ///
    /// - Parameter maximumRequests: After about so many requests the worker asks for a successor; `nil`: never.
    package init(_ inheritance: borrowing WorkerBootstrap, maximumRequests: Int?) {
        self.slot = inheritance.slot
        self.row = inheritance.row
        self.board = inheritance.board
        self.report = inheritance.report
        self.neighbours = inheritance.siblings.map { Neighbour(mailbox: $0, isGone: Gone()) }
        self.allowance = maximumRequests.map { RequestQuota.requests(maximum: $0, slot: inheritance.slot) }
        self.onHeartbeat = {}
    }

    /// Takes the only seat at a board of its own, in a process without supervisor and siblings.
    ///
    /// - Parameter onHeartbeat: Called with every heartbeat, on one of the server's threads.
    package init(alone onHeartbeat: @escaping @Sendable () -> Void) throws(SystemCallError) {
        self.slot = 0
        self.board = try Scoreboard(slots: 1)
        self.row = self.board.row(slot: 0, half: 0)
        self.report = nil
        self.neighbours = []
        self.allowance = nil
        self.onHeartbeat = onHeartbeat
    }

    /// Takes connections from siblings from now on.
    package func serves() {
        self.row.beat(now: CoarseClock.monotonicNanoseconds(), servedRequests: 0)
        self.row.state = .serving
    }

    /// Takes no more connections from siblings.
    package func drains() {
        self.row.state = .draining
    }

    /// Shows that the threads come round.
    package func heartbeat() {
        self.publish()
        self.onHeartbeat()
    }

    private func publish() {
        self.row.set(runningRequests: self.running.load(ordering: .relaxed))
        self.row.beat(now: CoarseClock.monotonicNanoseconds(), servedRequests: self.served.load(ordering: .relaxed))
    }

    /// A request has begun; asks for a successor once enough were served.
    package func requestBegan() {
        self.running.add(1, ordering: .relaxed)
        let served = self.served.add(1, ordering: .relaxed).newValue
        // Again after as many once more, should the first successor have failed.
        if let allowance = self.allowance, served % allowance == 0 { self.requestReplacement() }
    }

    /// A request is over.
    package func requestEnded() {
        self.running.subtract(1, ordering: .relaxed)
    }

    /// Counts something for all workers together (``Scoreboard/count(_:_:)``).
    package func count(_ counter: Int) {
        self.board.count(counter)
    }

    /// Says how busy the threads are.
    package func sampled(demand: Int, threads: Int) {
        self.row.set(runningRequests: self.running.load(ordering: .relaxed))
        self.row.addSample(demand: demand, threads: threads)
    }

    /// How things are in all workers together, with what this one has not said yet.
    package var totals: WorkerTotals {
        // So that a process that asks right after a request counts that one.
        self.row.set(servedRequests: self.served.load(ordering: .relaxed))
        self.row.set(runningRequests: self.running.load(ordering: .relaxed))
        return self.board.totals
    }

    /// Asks for a successor.
    package func requestReplacement() {
        // It fails only when the supervisor is gone, which the life-line tells as well.
        try? self.report?.requestReplacement()
    }

    /// A connection was opened.
    package func connectionOpened() {
        self.open.add(1, ordering: .relaxed)
        self.row.addOpenConnections(1)
    }

    /// A connection was closed.
    package func connectionClosed() {
        self.open.subtract(1, ordering: .relaxed)
        self.row.addOpenConnections(-1)
    }

    /// A connection has come from a sibling.
    package func connectionArrived() {
        self.row.addArriving(-1)
    }

    /// No connection from a sibling is waiting.
    package func nothingArrives() {
        if self.row.arriving > 0 { self.row.nothingArriving() }
    }

    /// Passes a connection that was just accepted on to a sibling that has clearly fewer.
    ///
    /// - Returns: Whether it was; otherwise the caller serves it.
    package func handOff(_ connection: borrowing OwnedDescriptor) -> Bool {
        let open = self.open.load(ordering: .relaxed)
        guard LeastConnections.isClearlyFewer(0, than: open) else { return false }
        let now = CoarseClock.monotonicNanoseconds()
        let candidates = self.neighbours.compactMap { neighbour -> LeastConnections.Candidate? in
            guard !neighbour.isGone.value.load(ordering: .relaxed) else { return nil }
            let slot = neighbour.mailbox.slot
            return self.board.load(ofSlot: slot, now: now, timeout: Self.timeout)
                .map { LeastConnections.Candidate(slot: slot, connections: $0) }
        }
        guard let slot = LeastConnections.slot(own: self.slot, open: open, candidates: candidates) else { return false }
        guard let neighbour = self.neighbours.first(where: { $0.mailbox.slot == slot }) else { return false }
        return self.send(connection, to: neighbour)
    }

    private func send(_ connection: borrowing OwnedDescriptor, to neighbour: Neighbour) -> Bool {
        let row = self.board.row(slot: neighbour.mailbox.slot, half: 0)
        // Before it is sent, so that who accepts the next connection at this moment does not choose the same.
        row.addArriving(1)
        do throws(SystemCallError) {
            try neighbour.mailbox.send(connection)
            return true
        } catch {
            row.addArriving(-1)
            // A full mailbox will be emptied; one that refuses will not be opened again.
            if !error.isTemporaryShortage { neighbour.isGone.value.store(true, ordering: .relaxed) }
            return false
        }
    }
}
