internal import ParanoidSessions

// The checks that one task runs alone.
extension SessionStoreConformance {
    /// Two stores over one storage, as two workers have them.
    struct Stores: Sendable {
        let first: any SessionStore
        let second: any SessionStore
        /// The epoch when the check began.
        let epoch: UInt64
        let check: Check

        static let start = Timestamp(secondsSinceEpoch: 1_700_000_000)
        static let end = Timestamp(secondsSinceEpoch: 4_000_000_000)
        /// How long a caller may wait in a check that is not about waiting.
        static let timeout = Duration.seconds(600)

        func require(_ condition: Bool, _ expectation: String) throws {
            guard condition else { throw Failure(check: self.check, description: "\(self.check): \(expectation)") }
        }

        /// Runs `body`, which must fail with `code`.
        func require(_ code: SessionStoreError.Code, from what: String, _ body: () async throws -> Void) async throws {
            do {
                try await body()
            } catch let error as SessionStoreError where error.code == code {
                return
            } catch {
                throw Failure(check: self.check, description: "\(self.check): \(what) should fail as \(code), but fails as \(error)")
            }
            throw Failure(check: self.check, description: "\(self.check): \(what) should fail as \(code), but succeeds")
        }

        func requireBoth(_ expected: StoredSession?, of name: SessionName, _ when: String) async throws {
            for store in [self.first, self.second] {
                let found = try await store.read(name)
                try self.require(found == expected, "\(when), every worker reads \(describe(expected)), not \(describe(found))")
            }
        }

        /// A name nobody has.
        func makeName() -> SessionName {
            let bytes = (0..<SessionName.byteCount).map { _ in UInt8.random(in: .min ... .max) }
            return SessionName(bytes: bytes)!
        }

        func makeSession(
            _ payload: [UInt8],
            generation: UInt64 = 1,
            state: StoredSession.State = .live,
            createdAt: Timestamp = Stores.start,
            expiresAt: Timestamp = Stores.end,
            userTag: UserTag? = UserTag(bytes: Array(0..<16)),
            epoch: UInt64? = nil,
            loginEpoch: UInt64 = 0
        ) -> StoredSession {
            StoredSession(
                state: state,
                protection: .sealed,
                secretNumber: 3,
                handle: SessionHandle("0123456789abcdef")!,
                epoch: epoch ?? self.epoch,
                loginEpoch: loginEpoch,
                generation: generation,
                createdAt: createdAt,
                writtenAt: Self.start.advanced(by: .nanoseconds(Int64(generation))),
                expiresAt: expiresAt,
                userTag: userTag,
                payload: payload
            )
        }

        /// Writes a following state with `payload`.
        func change(
            _ name: SessionName,
            in store: any SessionStore,
            to payload: [UInt8],
            state: StoredSession.State = .live
        ) async throws -> StoredSession {
            try await store.modify(name, timeout: Self.timeout) { current in
                guard let current else { return (.keep, self.makeSession(payload, generation: 0)) }
                let next = self.makeSession(payload, generation: current.generation + 1, state: state)
                return (.write(next), next)
            }
        }

        func checkAbsentSessions() async throws {
            let name = self.makeName()
            try await self.requireBoth(nil, of: name, "before creation")
            let seen = try await self.first.modify(name, timeout: .zero) { (.keep, $0) }
            try self.require(seen == nil, "a change of an absent session sees nil")
            try await self.require(.gone, from: "writing an absent session") {
                try await self.first.modify(name, timeout: .zero) { _ in (.write(self.makeSession([1])), ()) }
            }
            try await self.first.modify(name, timeout: .zero) { _ in (.remove, ()) }
            try await self.first.quarantine(name, generation: 1)
            try await self.requireBoth(nil, of: name, "after changes of an absent session")
        }

        func checkCreation() async throws {
            for payload in [[], [0], [UInt8](repeating: 0xA5, count: 500)] {
                var session = self.makeSession(payload)
                session.userTag = payload.isEmpty ? nil : session.userTag
                session.protection = payload.isEmpty ? .none : .sealed
                let name = self.makeName()
                try await self.first.create(session, named: name)
                try await self.requireBoth(session, of: name, "after creation")
                for store in [self.first, self.second] {
                    try await self.require(.nameTaken, from: "creating an existing session") {
                        try await store.create(self.makeSession([9]), named: name)
                    }
                }
                try await self.requireBoth(session, of: name, "after refused creations")
            }
        }

        func checkChanges() async throws {
            let name = self.makeName()
            var session = self.makeSession([1])
            try await self.first.create(session, named: name)
            for round in 0..<20 {
                let store = round % 2 == 0 ? self.second : self.first
                let seen = try await store.modify(name, timeout: Self.timeout) { (.keep, $0) }
                try self.require(seen == session, "a change sees \(describe(session)), not \(describe(seen))")
                try await self.requireBoth(session, of: name, "after keeping")
                session = try await self.change(name, in: store, to: [UInt8(round), 7])
                try await self.requireBoth(session, of: name, "after a change")
            }
        }

        func checkSizes() async throws {
            let name = self.makeName()
            try await self.first.create(self.makeSession([]), named: name)
            for (round, size) in [0, 1, 1900, 2048, 1976, 1977, 4024, 4025, 100, 9000, 40_000, 3, 60_000, 0].enumerated() {
                let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ round) }
                let session = try await self.change(name, in: round % 2 == 0 ? self.first : self.second, to: payload)
                try await self.requireBoth(session, of: name, "after a change to \(size) bytes")
                let other = self.makeName()
                try await self.second.create(self.makeSession(payload), named: other)
                try await self.requireBoth(self.makeSession(payload), of: other, "after creation with \(size) bytes")
            }
        }

        func checkRemoval() async throws {
            let name = self.makeName()
            for round in 0..<4 {
                let session = self.makeSession([UInt8(round)])
                try await self.first.create(session, named: name)
                try await self.requireBoth(session, of: name, "after creation \(round)")
                let remover = round % 2 == 0 ? self.second : self.first
                let seen = try await remover.modify(name, timeout: Self.timeout) { (.remove, $0) }
                try self.require(seen == session, "a removal sees the session")
                try await self.requireBoth(nil, of: name, "after removal \(round)")
                for store in [self.first, self.second] {
                    try await self.require(.gone, from: "writing a removed session") {
                        try await store.modify(name, timeout: Self.timeout) { _ in (.write(session), ()) }
                    }
                }
            }
        }

        func checkTombstones() async throws {
            let name = self.makeName()
            try await self.first.create(self.makeSession([1]), named: name)
            try await self.requireBoth(self.makeSession([1]), of: name, "after creation")
            let ended = try await self.change(name, in: self.first, to: [2], state: .ended)
            try await self.requireBoth(ended, of: name, "after the end")
            for store in [self.first, self.second] {
                try await self.require(.nameTaken, from: "creating over a tombstone") {
                    try await store.create(self.makeSession([3]), named: name)
                }
            }
        }

        func checkExpiredSessions() async throws {
            let name = self.makeName()
            let session = self.makeSession([1], expiresAt: Timestamp(secondsSinceEpoch: 1))
            try await self.first.create(session, named: name)
            try await self.requireBoth(session, of: name, "long after its expiry")
            let seen = try await self.second.modify(name, timeout: Self.timeout) { (.keep, $0) }
            try self.require(seen == session, "a change sees an expired session")
        }

        func checkSimilarNames() async throws {
            let bytes = self.makeName().bytes
            let names = [0, 1, 7, 8, 15, 16, 31].map { index -> SessionName in
                var similar = bytes
                similar[index] ^= 1
                return SessionName(bytes: similar)!
            }
            for (index, name) in names.enumerated() { try await self.first.create(self.makeSession([UInt8(index)]), named: name) }
            for (index, name) in names.enumerated() {
                try await self.requireBoth(self.makeSession([UInt8(index)]), of: name, "among similar names")
            }
        }

        func checkQuarantine() async throws {
            let name = self.makeName()
            try await self.first.create(self.makeSession([1]), named: name)
            let session = try await self.change(name, in: self.first, to: [2])
            try await self.requireBoth(session, of: name, "before quarantine")
            try await self.second.quarantine(name, generation: 1)
            try await self.requireBoth(session, of: name, "after quarantine of an older generation")
            try await self.second.quarantine(name, generation: session.generation)
            try await self.requireBoth(nil, of: name, "after quarantine")
        }

        func checkSweep() async throws {
            let past = Timestamp(secondsSinceEpoch: 1_500_000_000)
            let live = self.makeName()
            let tombstone = self.makeName()
            let gone = (0..<20).map { _ in self.makeName() }
            try await self.first.create(self.makeSession([1]), named: live)
            try await self.first.create(self.makeSession([2]), named: tombstone)
            let ended = try await self.change(tombstone, in: self.first, to: [3], state: .ended)
            for name in gone { try await self.second.create(self.makeSession([4], expiresAt: past), named: name) }
            let report = try await self.sweepAll(expiredAt: past, budget: 1000)
            try self.require(report.removed >= gone.count, "a session is over at the instant of its expiry; removed: \(report.removed)")
            for name in gone { try await self.requireBoth(nil, of: name, "after the sweep") }
            try await self.requireBoth(self.makeSession([1]), of: live, "after the sweep")
            try await self.requireBoth(ended, of: tombstone, "after the sweep")
            _ = try await self.sweepAll(expiredAt: Self.end, budget: 1000)
            try await self.requireBoth(nil, of: live, "after a later sweep")
            try await self.requireBoth(nil, of: tombstone, "after a later sweep")
        }

        func checkSweepBudget() async throws {
            for _ in 0..<50 { try await self.first.create(self.makeSession([1]), named: self.makeName()) }
            let report = try await self.sweepAll(expiredAt: Self.start, budget: 7)
            try self.require(report.examined >= 50 && report.live >= 50, "all entries are looked at: \(report)")
        }

        /// Sweeps the whole store once.
        private func sweepAll(expiredAt now: Timestamp, budget: Int) async throws -> SweepReport {
            // An earlier sweep may have stopped anywhere.
            while try await !self.first.sweep(expiredAt: .distantPast, budget: 1000).isComplete { await Task.yield() }
            var total = SweepReport()
            for _ in 0..<1_000_000 where !total.isComplete {
                let report = try await self.first.sweep(expiredAt: now, budget: budget)
                try self.require(report.examined <= budget || report.isComplete, "a sweep keeps to its budget of \(budget): \(report)")
                total.add(report)
                await Task.yield()
            }
            try self.require(total.isComplete, "a sweep comes to an end")
            return total
        }
    }
}

private func describe(_ session: StoredSession?) -> String {
    session.map { "generation \($0.generation) (\($0.state), \($0.payload.count) bytes)" } ?? "nothing"
}
