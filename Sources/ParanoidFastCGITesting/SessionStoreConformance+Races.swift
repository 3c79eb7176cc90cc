internal import ParanoidSessions

// The checks in which many tasks meet.
extension SessionStoreConformance.Stores {
    private static let taskCount = 8
    private static let rounds = 50

    private func store(_ index: Int) -> any SessionStore { index % 2 == 0 ? self.first : self.second }

    private static func payload(_ number: UInt64, size: Int = 8) -> [UInt8] {
        // All bytes follow from the number, so that a mixture of two states is noticed.
        (0..<max(8, size)).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * ($0 % 8))) }
    }

    private static func number(_ payload: [UInt8]) -> UInt64? {
        guard payload.count >= 8 else { return nil }
        let number = payload.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return self.payload(number, size: payload.count) == payload ? number : nil
    }

    func checkCreationRace() async throws {
        for _ in 0..<20 {
            let name = self.makeName()
            let winners = try await withThrowingTaskGroup(of: UInt8?.self) { group in
                for index in 0..<Self.taskCount {
                    group.addTask {
                        do {
                            try await self.store(index).create(self.makeSession([UInt8(index)]), named: name)
                            return UInt8(index)
                        } catch let error as SessionStoreError where error.code == .nameTaken {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: [UInt8]()) { winners, winner in
                    if let winner { winners.append(winner) }
                }
            }
            try self.require(winners.count == 1, "one of \(Self.taskCount) creations succeeds, not \(winners.count)")
            try await self.requireBoth(self.makeSession(winners), of: name, "after a race")
        }
    }

    func checkIncrements() async throws {
        let name = self.makeName()
        try await self.first.create(self.makeSession(Self.payload(0)), named: name)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<Self.taskCount {
                group.addTask {
                    for _ in 0..<Self.rounds { try await self.increment(name, in: self.store(index), size: 8) }
                }
            }
            try await group.waitForAll()
        }
        let count = try await self.second.read(name).flatMap { Self.number($0.payload) }
        let expected = UInt64(Self.taskCount * Self.rounds)
        try self.require(count == expected, "\(expected) increments make \(expected), not \(count.map(String.init) ?? "nothing")")
    }

    private func increment(_ name: SessionName, in store: any SessionStore, size: Int) async throws {
        try await store.modify(name, timeout: Self.timeout) { current in
            guard let current, let number = Self.number(current.payload) else { return (.keep, ()) }
            return (.write(self.makeSession(Self.payload(number + 1, size: size), generation: current.generation + 1)), ())
        }
    }

    func checkReadsWhileWriting() async throws {
        let name = self.makeName()
        try await self.first.create(self.makeSession(Self.payload(0)), named: name)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<2 {
                group.addTask {
                    for round in 0..<200 {
                        try await self.increment(name, in: self.store(index), size: round % 16 == 15 ? 3000 : 900 + round)
                    }
                }
            }
            for index in 0..<4 {
                group.addTask {
                    var last: UInt64 = 0
                    for _ in 0..<500 {
                        guard let session = try await self.store(index).read(name) else {
                            try self.require(false, "a session that is being changed is never absent")
                            return
                        }
                        try self.require(Self.number(session.payload) == session.generation - 1, "every state read is a whole one")
                        try self.require(session.generation >= last, "generation \(session.generation) was read after \(last)")
                        last = session.generation
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    func checkRemovalRace() async throws {
        for round in 0..<20 {
            let name = self.makeName()
            try await self.first.create(self.makeSession(Self.payload(0)), named: name)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<Self.taskCount {
                    group.addTask {
                        for turn in 0..<10 {
                            if index == 0 && turn == round % 10 {
                                try await self.store(round).modify(name, timeout: Self.timeout) { _ in (.remove, ()) }
                                try await self.requireBoth(nil, of: name, "after removal, with changes in flight")
                            }
                            try await self.increment(name, in: self.store(index), size: 8)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await self.requireBoth(nil, of: name, "after all changes in flight")
        }
    }

    func checkCancellation() async throws {
        let name = self.makeName()
        try await self.first.create(self.makeSession(Self.payload(0)), named: name)
        let done = await withTaskGroup(of: Int.self) { group in
            for index in 0..<Self.taskCount {
                group.addTask {
                    // Cancelled or not by now: a call counts if it returns, and must have done nothing if it throws.
                    var done = 0
                    for _ in 0..<Self.rounds where (try? await self.increment(name, in: self.store(index), size: 8)) != nil { done += 1 }
                    return done
                }
            }
            group.cancelAll()
            return await group.reduce(0, +)
        }
        let count = try await self.second.read(name).flatMap { Self.number($0.payload) }
        try self.require(count == UInt64(done), "\(done) changes were acknowledged, \(count.map(String.init) ?? "none") happened")
        try self.require(done > 0, "some changes of cancelled tasks succeed")
    }
}
