package import ParanoidLinux
internal import Synchronization

/// A worker's place among its siblings: where it says how it is, and the sockets through which it hands connections off.
///
/// May be used from any thread.
package final class WorkerContext: Sendable {
    private struct Sibling: Sendable {
        let socket: SiblingHandoffSocket
        let isGone: Gone
    }

    private final class Gone: Sendable {
        let value = Atomic<Bool>(false)
    }

    /// A sibling that has given no sign of life for so long is handed no connection; a heartbeat comes every second.
    private static let timeout: Int64 = 3_000_000_000

    /// The slot, from 0.
    package let slot: Int
    /// What this worker does at this moment.
    package let rows: ScoreboardRows
    private let scoreboardSlot: ScoreboardSlot
    /// What all workers know of one another.
    package let scoreboard: Scoreboard
    private let report: WorkerReport?
    private let siblings: [Sibling]
    private let open = Atomic<Int>(0)
    private let served = Atomic<Int>(0)
    private let quota: Int?
    private let onHeartbeat: @Sendable () -> Void

    /// Attaches to the slot that the supervisor has given.
    ///
    /// - Parameters:
    ///   - maximumRequests: After about so many requests the worker asks for a successor; `nil`: never.
    ///   - onHeartbeat: Called with every heartbeat, on one of the server's threads.
    package init(
        _ bootstrap: borrowing WorkerBootstrap,
        maximumRequests: Int?,
        onHeartbeat: @escaping @Sendable () -> Void = {}
    ) {
        self.slot = bootstrap.slot
        self.scoreboardSlot = bootstrap.scoreboardSlot
        self.rows = bootstrap.scoreboard.rows(bootstrap.slot, generation: bootstrap.generation)
        self.scoreboard = bootstrap.scoreboard
        self.report = bootstrap.report
        self.siblings = bootstrap.siblings.map { Sibling(socket: $0, isGone: Gone()) }
        self.quota = maximumRequests.map { RequestQuota.requests(maximum: $0, slot: bootstrap.slot) }
        self.onHeartbeat = onHeartbeat
    }

    /// Attaches to the only slot of a scoreboard of its own, in a process without supervisor and siblings.
    ///
    /// - Parameter onHeartbeat: Called with every heartbeat, on one of the server's threads.
    package init(alone onHeartbeat: @escaping @Sendable () -> Void) throws(SystemCallError) {
        self.slot = 0
        self.scoreboard = try Scoreboard(slots: 1)
        self.scoreboardSlot = self.scoreboard.slot(0, generation: 0)
        self.rows = self.scoreboard.rows(0, generation: 0)
        self.report = nil
        self.siblings = []
        self.quota = nil
        self.onHeartbeat = onHeartbeat
    }

    /// Takes connections from siblings from now on.
    package func serves() {
        self.scoreboardSlot.raiseHeartbeat(now: CoarseClock.now(), servedRequests: 0)
        self.scoreboardSlot.state = .serving
    }

    /// Takes no more connections from siblings.
    package func drains() {
        self.scoreboardSlot.state = .draining
    }

    /// Shows that the threads come round.
    package func heartbeat() {
        self.publish()
        self.onHeartbeat()
    }

    private func publish() {
        self.scoreboardSlot.raiseHeartbeat(now: CoarseClock.now(), servedRequests: self.served.load(ordering: .relaxed))
    }

    /// A request has begun; asks for a successor once enough were served.
    package func requestBegan() {
        self.scoreboardSlot.addRunningRequests(1)
        let served = self.served.add(1, ordering: .relaxed).newValue
        // Again after as many once more, should the first successor have failed.
        if let quota = self.quota, served % quota == 0 { self.requestReplacement() }
    }

    /// A request is over.
    package func requestEnded() {
        self.scoreboardSlot.addRunningRequests(-1)
    }

    /// Counts something for all workers together (``Scoreboard/count(_:_:)``).
    package func count(_ counter: Int) {
        self.scoreboard.count(counter)
    }

    /// Says how busy the threads are.
    package func sampled(demand: Int, threads: Int) {
        self.scoreboardSlot.addSample(demand: demand, threads: threads)
    }

    /// How things are in all workers together, with what this one has not said yet.
    package var totals: WorkerTotals {
        // So that a process that asks right after a request counts that one.
        self.scoreboardSlot.set(servedRequests: self.served.load(ordering: .relaxed))
        return self.scoreboard.totals
    }

    /// Asks for a successor.
    package func requestReplacement() {
        // It fails only when the supervisor is gone, which the supervisor pipe tells as well.
        try? self.report?.requestReplacement()
    }

    /// A connection was opened.
    package func connectionOpened() {
        self.open.add(1, ordering: .relaxed)
        self.scoreboardSlot.addOpenConnections(1)
    }

    /// A connection was closed.
    package func connectionClosed() {
        self.open.subtract(1, ordering: .relaxed)
        self.scoreboardSlot.addOpenConnections(-1)
    }

    /// A connection has come from a sibling.
    package func connectionArrived() {
        self.scoreboardSlot.addArriving(-1)
    }

    /// No connection from a sibling is waiting.
    package func nothingArrives() {
        if self.scoreboardSlot.arriving > 0 { self.scoreboardSlot.nothingArriving() }
    }

    /// Hands a connection that was just accepted off to a sibling that has clearly fewer.
    ///
    /// - Returns: Whether it was; otherwise the caller serves it.
    package func handOff(_ connection: borrowing OwnedDescriptor) -> Bool {
        let open = self.open.load(ordering: .relaxed)
        guard LeastConnections.isClearlyFewer(0, than: open) else { return false }
        let now = CoarseClock.now()
        let candidates = self.siblings.compactMap { sibling -> LeastConnections.Candidate? in
            guard !sibling.isGone.value.load(ordering: .relaxed) else { return nil }
            let slot = sibling.socket.slot
            return self.scoreboard.load(ofSlot: slot, now: now, timeout: Self.timeout)
                .map { LeastConnections.Candidate(slot: slot, connections: $0) }
        }
        guard let slot = LeastConnections.slot(own: self.slot, open: open, candidates: candidates) else { return false }
        guard let sibling = self.siblings.first(where: { $0.socket.slot == slot }) else { return false }
        return self.send(connection, to: sibling)
    }

    private func send(_ connection: borrowing OwnedDescriptor, to sibling: Sibling) -> Bool {
        let slot = self.scoreboard.slot(sibling.socket.slot, generation: 0)
        // Before it is sent, so that a worker that accepts the next connection at this moment does not choose the same sibling.
        slot.addArriving(1)
        do throws(SystemCallError) {
            try sibling.socket.send(connection)
            return true
        } catch {
            slot.addArriving(-1)
            // A full socket will be emptied; one that refuses will not be opened again.
            if !error.isTemporaryShortage { sibling.isGone.value.store(true, ordering: .relaxed) }
            return false
        }
    }
}

/// How many requests a worker serves before it asks for a successor.
package enum RequestQuota {
    /// The quota of the worker of a slot: between three quarters of the maximum and all of it.
    ///
    /// Workers that share the load evenly would otherwise all ask at the same moment. Slots are spread by the golden ratio, so that any
    /// number of workers side by side is far apart, and slot 0 has the maximum.
    package static func requests(maximum: Int, slot: Int) -> Int {
        let spread = maximum / 4
        let part = UInt64(slot) &* 0x9E37_79B9 & 0xFFFF_FFFF
        return max(1, maximum - Int((UInt64(spread) * part) >> 32))
    }
}
