internal import ParanoidSessions
internal import ParanoidLinux

// Chains: sessions whose identifiers are replaced again and again, while others count them up.
extension TortureTask {
    /// How often a session is looked for that is not where it is said to be.
    private static var timeout: Int { 50 }

    /// Puts the record under a new identifier and ends the old one, unless somebody wrote to it meanwhile.
    mutating func rotate(_ number: Int) async throws {
        guard let current = self.chainHead else { return }
        let chain = self.field.chains[number]
        var random = SystemRandom()
        let opened = try await self.repository.change(current, at: TortureGround.now(), using: &random) { (.keep, $0) }
        guard let opened else { return self.field.violation("chain \(number) is gone, though only its owner ends its sessions") }
        let successor = try await self.create(opened.record, expiresAt: TortureGround.someday)
        chain.candidates.line(successor.cookieValue)
        let hasEnded = try await self.repository.change(current, at: TortureGround.now(), using: &random) {
            $0?.generation == opened.generation ? (.remove, true) : (.keep, false)
        }
        guard hasEnded else {
            if try await !self.end(successor) { self.field.violation("a successor that nobody knows is gone") }
            return
        }
        self.field.noteEnd(of: current)
        chain.whereabouts.publish(successor)
        self.chainHead = successor
        try await self.expectGone(current, "a rotated session")
    }

    /// Adds 1 to a chain's session, wherever that is by now.
    mutating func countUpChain(_ number: Int) async throws {
        let chain = self.field.chains[number]
        chain.tallies.tried.tally()
        for _ in 0..<Self.timeout {
            guard let identifier = chain.whereabouts.current else { break }
            if case .count = try await self.increment(identifier, expiresAt: TortureGround.someday) {
                chain.tallies.done.tally()
                return
            }
            if chain.whereabouts.current == identifier { try await Task.sleep(for: .milliseconds(1)) }
        }
        // Its owner was killed while replacing it.
        chain.tallies.missed.tally()
    }

    /// Takes over a chain from a process that was killed, perhaps in the midst of a rotation.
    mutating func recoverChain(_ number: Int) async throws {
        let chain = self.field.chains[number]
        let live = try await Self.liveCandidates(ofChain: number, among: 400, on: self.field.ground, in: self.repository)
        guard live.count == 1 || live.count == 2 else {
            return self.field.violation("chain \(number) has \(live.count) live sessions: \(live.map(\.place))")
        }
        // Of two, the older one had not ended yet.
        self.chainHead = live[0].identifier
        if live.count == 2, try await !self.end(live[1].identifier) { self.field.violation("a successor that nobody knows is gone") }
        chain.whereabouts.publish(live[0].identifier)
    }

    /// The sessions of a chain that are there, oldest first.
    static func liveCandidates(
        ofChain number: Int,
        among newest: Int,
        on ground: TortureGround,
        in repository: SessionRepository
    ) async throws -> [(place: Int, identifier: SessionIdentifier, record: SessionRecord)] {
        var live: [(place: Int, identifier: SessionIdentifier, record: SessionRecord)] = []
        let candidates = ground.identifiers(in: "chain.\(number).candidates")
        for (place, identifier) in candidates.enumerated().suffix(newest) {
            guard let opened = try await repository.open(identifier, at: TortureGround.now()) else { continue }
            live.append((place, identifier, opened.record))
        }
        return live
    }
}
