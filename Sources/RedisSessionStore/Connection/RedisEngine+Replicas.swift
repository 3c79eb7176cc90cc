#if Redis
// Changes that count when replicas have them.
//
// A node serves nothing else on a connection that waits for replicas. So there are some connections for that alone, and what comes while all of
// them wait goes together when one is free, with one wait for all: a node without replicas holds a change up, and not its connection.
extension RedisEngine {
    /// The changes for one node.
    final class WaitingLine {
        private(set) var waiting: [(operation: Operation, isAsking: Bool)] = []
        private var free: [Int]

        init(connections: ClosedRange<Int>) {
            self.free = connections.reversed()
        }

        func add(_ operation: Operation, asking: Bool) { self.waiting.append((operation, asking)) }

        func takeAll() -> [Operation] {
            defer { self.waiting = [] }
            return self.waiting.map(\.operation)
        }

        /// The next changes and the connection for them; `nil`: there are none, or no connection is free.
        ///
        /// Those whose time is over end, and are sent nowhere.
        func next(atMost count: Int, at now: Int64) -> (number: Int, changes: [(operation: Operation, isAsking: Bool)])? {
            self.waiting.removeAll { $0.operation.isOver(at: now) }
            guard !self.waiting.isEmpty, let number = self.free.popLast() else { return nil }
            let changes = Array(self.waiting.prefix(count))
            self.waiting.removeFirst(changes.count)
            return (number, changes)
        }

        func release(_ number: Int) { self.free.append(number) }
    }

    /// How long a node waits for its replicas, in milliseconds.
    private static let replicaTime = 700
    /// How many changes wait together.
    private static let mostTogether = 256

    /// Sends what waits, as far as connections are free.
    func serve(_ line: WaitingLine, at endpoint: RedisEndpoint) {
        while let (number, changes) = line.next(atMost: Self.mostTogether, at: self.now) {
            var bytes: [UInt8] = []
            var replyCount = 0
            // For each change the places of its reply and of what else was written for it.
            var places: [(operation: Operation, main: Int, others: Range<Int>)] = []
            for (operation, isAsking) in changes {
                operation.goes(to: endpoint)
                let command = operation.submission.command
                bytes += command.encoded(inFull: operation.isInFull, asking: isAsking)
                let main = replyCount + (isAsking ? 1 : 0)
                replyCount = main + 1
                // An earlier try may have made the change over another connection, whose place in the replication this one does not know.
                if operation.mayHaveHappened {
                    bytes += command.encodedMark(asking: isAsking)
                    replyCount += isAsking ? 2 : 1
                }
                places.append((operation, main, (main + 1)..<replyCount))
            }
            RedisCoding.encode(["WAIT", "\(self.address.waitCount)", "\(Self.replicaTime)"].map { Array($0.utf8) }, into: &bytes)
            replyCount += 1
            let place = Place(endpoint: endpoint, number: number)
            let now = self.now
            let flight = RedisNode.Flight(bytes: bytes, replyCount: replyCount, due: now + self.stepTime) { result in
                line.release(number)
                for each in places {
                    self.landed(each.operation, result.flatMap { self.reply(among: $0, at: each.main, each.others) }, from: place)
                }
                self.serve(line, at: endpoint)
            } isOver: { now in
                changes.allSatisfy { $0.operation.isOver(at: now) }
            }
            self.node(endpoint, number: number).submit(flight, now: now, poll: self.poll)
        }
    }

    /// The reply that counts: no success where too few replicas have what it says.
    private func reply(among replies: [RedisReply], at main: Int, _ others: Range<Int>) -> Result<RedisReply, RedisFailure> {
        let reply = replies[main]
        if case .error = reply { return .success(reply) }
        for other in replies[others] + replies.suffix(1) { if case .error(let text) = other { return .failure(.unanswered(text)) } }
        let count = replies.last?.number ?? 0
        guard count >= UInt64(self.address.waitCount) else {
            return .failure(.unreplicated("\(count) of \(self.address.waitCount) replicas have the change"))
        }
        return .success(reply)
    }
}
#endif
