/// Who should serve a connection that a worker has just accepted: a pure decision.
package enum LeastConnections {
    /// A sibling that takes connections, and how many it has.
    package struct Candidate: Sendable, Hashable {
        package let slot: Int
        package let connections: Int

        package init(slot: Int, connections: Int) {
            self.slot = slot
            self.connections = connections
        }
    }

    /// How many connections fewer a sibling must have for the trouble to pay: at least two, and more where all have many.
    package static func isClearlyFewer(_ other: Int, than own: Int) -> Bool {
        own - other > max(1, other / 8)
    }

    /// Chooses the sibling that a connection should go to.
    ///
    /// - Parameters:
    ///   - own: The slot of who has accepted the connection.
    ///   - open: The connections it has already.
    ///   - candidates: Siblings that take connections, in any order.
    /// - Returns: The slot of the sibling with the fewest connections; of several, the next one after the own slot, so that not all
    ///   workers choose the same. `nil`: keep it.
    package static func slot(own: Int, open: Int, candidates: some Sequence<Candidate>) -> Int? {
        let fewest = candidates.min { first, second in
            (first.connections, Self.distance(from: own, to: first.slot)) < (second.connections, Self.distance(from: own, to: second.slot))
        }
        guard let fewest, Self.isClearlyFewer(fewest.connections, than: open) else { return nil }
        return fewest.slot
    }

    private static func distance(from own: Int, to slot: Int) -> Int {
        slot > own ? slot - own : slot - own + 65_536
    }
}
