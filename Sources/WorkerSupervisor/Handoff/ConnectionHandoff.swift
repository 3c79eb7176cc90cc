package import ParanoidLinux

/// Decides which worker should serve a connection that one has just accepted (pure).
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
    ///   - own: The slot of the worker that has accepted the connection.
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

/// Where the workers of one slot receive the connections that their siblings hand off.
///
/// The supervisor keeps both ends, so that messages to a worker that died wait for its successor.
final class ConnectionHandoffSocket {
    private let sockets: DescriptorPair

    /// Makes an empty one.
    init() throws(SystemCallError) {
        self.sockets = try DescriptorPair.messageSockets()
    }

    /// The end for the slot's own workers.
    var readingNumber: CInt { self.sockets.reading.number }
    /// The end for all other workers.
    var writingNumber: CInt { self.sockets.writing.number }

    /// Refuses new messages (senders get EPIPE); those already there remain readable, followed by the end.
    func close() {
        self.sockets.refuseNewMessages()
    }
}

/// The sending end of another slot's handoff socket, a message socket that can carry descriptors.
///
/// Sending to it gives EPIPE when the slot has been given up or everything stops, EAGAIN when its worker is behind.
package final class SiblingHandoffSocket: Sendable {
    /// The slot that receives.
    package let slot: Int
    /// The socket, non-blocking.
    package let descriptor: OwnedDescriptor

    init(slot: Int, descriptor: consuming OwnedDescriptor) {
        self.slot = slot
        self.descriptor = descriptor
    }

    /// Sends a copy of an open connection; never blocks.
    ///
    /// - Throws: ``SystemCallError`` from `sendmsg(2)`.
    package func send(_ connection: borrowing OwnedDescriptor) throws(SystemCallError) {
        try DescriptorPassing.send(connection, through: self.descriptor)
    }
}
