internal import ParanoidFastCGITesting
internal import FileSessionStore
internal import ParanoidLinux
internal import ParanoidSessions

// The operations.
extension Bench {
    /// Reads of sessions that are kept open, unchanged and changed by others, and of sessions that are not.
    mutating func measureReads() async throws {
        if self.isWanted("read") {
            var meter = BenchMeter("read", capacity: self.operations)
            try await self.read(self.operations, &meter)
            self.report(meter)
        }
        if self.isWanted("read-changed") {
            var meter = BenchMeter("read-changed", capacity: self.operations)
            var rest = self.operations
            repeat {
                for index in 0..<self.workingSet {
                    self.counts[index] += 1
                    meter.verify(try await self.increment(self.identifiers[index], in: self.other) == self.counts[index])
                }
                try await self.read(min(rest, self.workingSet), &meter)
                rest -= self.workingSet
            } while rest > 0
            self.report(meter)
        }
        if self.isWanted("read-cold") {
            // Keeps next to nothing, and so opens file and seal each time.
            let cold = try self.place.openRepository(self.place.openStore(keptFiles: 16), cachedSessions: 16)
            var meter = BenchMeter("read-cold", capacity: self.operations)
            let order = self.scattered(self.operations)
            var sum: UInt64 = 0
            try await meter.run(self.operations) {
                sum += try await cold.open(self.identifiers[order[$0]], at: self.now)?.record.count ?? 0
            }
            meter.verify(sum == order.reduce(0) { $0 + self.counts[$1] })
            self.report(meter)
        }
    }

    /// Commits of kept sessions, and of such as are not.
    mutating func measureChanges() async throws {
        for (name, isCold) in [("commit", false), ("commit-cold", true)] where self.isWanted(name) {
            let repository =
                isCold ? try self.place.openRepository(self.place.openStore(keptFiles: 16), cachedSessions: 16) : self.repository
            let order = isCold ? self.scattered(self.operations) : (0..<self.operations).map { $0 % self.workingSet }
            if !isCold { for index in 0..<self.workingSet { _ = try await repository.open(self.identifiers[index], at: self.now) } }
            var meter = BenchMeter(name, capacity: self.operations)
            try await meter.run(self.operations) { _ = try await self.increment(self.identifiers[order[$0]], in: repository) }
            for index in order { self.counts[index] += 1 }
            for index in Set(order) {
                meter.verify(try await self.other.open(self.identifiers[index], at: self.now)?.record.count == self.counts[index])
            }
            self.report(meter)
        }
    }

    /// Creations, rotations and ends.
    mutating func measureBirthAndDeath() async throws {
        if self.isWanted("create") {
            var made: [SessionIdentifier] = []
            made.reserveCapacity(self.operations)
            var meter = BenchMeter("create", capacity: self.operations)
            let keys = self.repository.newestKeys
            try await meter.run(self.operations) { _ in
                var random = RequestRandom()
                made.append(try await self.repository.create(self.model, expiresAt: self.end, at: self.now, keys: keys, using: &random))
            }
            for identifier in made {
                meter.verify(try await self.other.open(identifier, at: self.now)?.record.encoded() == self.model.encoded())
            }
            self.report(meter)
        }
        if self.isWanted("rotate") {
            let old = try await self.createSessions(self.operations, in: self.repository, end: self.end)
            var new: [SessionIdentifier] = []
            new.reserveCapacity(self.operations)
            var meter = BenchMeter("rotate", capacity: self.operations)
            try await meter.run(self.operations) { new.append(try await self.rotate(old[$0])) }
            for (index, identifier) in new.enumerated() {
                meter.verify(try await self.other.open(identifier, at: self.now)?.record.encoded() == self.model.encoded())
                meter.verify(try await self.other.open(old[index], at: self.now) == nil)
            }
            self.report(meter)
        }
        if self.isWanted("end") {
            let old = try await self.createSessions(self.operations, in: self.repository, end: self.end)
            var meter = BenchMeter("end", capacity: self.operations)
            try await meter.run(self.operations) {
                var random = RequestRandom()
                try await self.repository.change(old[$0], at: self.now, using: &random) { _ in (.remove, ()) }
            }
            for index in 0..<self.operations { meter.verify(try await self.other.open(old[index], at: self.now) == nil) }
            self.report(meter)
        }
    }

    /// Sweeps over sessions that live, as long as there are no others, and over such as have expired.
    mutating func measureSweeps() async throws {
        // As they are when nobody has used them for an hour: the first sweep looks into each file, the next need not.
        if self.isWanted("sweep-first") || self.isWanted("sweep") { try self.place.age(by: .seconds(3600)) }
        for name in ["sweep-first", "sweep"] where self.isWanted(name) {
            let count = self.settings.sessions
            var meter = BenchMeter(name)
            var isRight = true
            try await meter.run(name == "sweep-first" || count > 100_000 ? 1 : 3, unitsPerCall: count) { _ in
                let report = try await self.store.sweep(expiredAt: self.now, budget: .max)
                if report.examined != count || report.live != count || !report.isComplete { isRight = false }
            }
            meter.verify(isRight)
            self.report(meter)
        }
        if self.isWanted("sweep-expired") {
            // In a directory of their own, so that the living are not visited.
            let place = try BenchPlace(below: self.settings.directory)
            defer { place.remove() }
            let store = try place.openStore(keptFiles: 64)
            let soon = self.now.advanced(by: .seconds(1))
            let count = self.operations
            _ = try await self.createSessions(count, in: place.openRepository(store, cachedSessions: 64), end: soon)
            var removed = 0
            var meter = BenchMeter("sweep-expired")
            try await meter.run(self.operations > 0 ? 1 : 0, unitsPerCall: count) { _ in
                removed = try await store.sweep(expiredAt: soon, budget: .max).removed
            }
            meter.verify(removed == count || self.operations == 0)
            self.report(meter)
        }
    }

    private func read(_ count: Int, _ meter: inout BenchMeter) async throws {
        var sum: UInt64 = 0
        let set = self.workingSet
        // Once for the cache and the descriptors, unless all were just changed.
        if meter.name == "read" { for index in 0..<set { _ = try await self.repository.open(self.identifiers[index], at: self.now) } }
        try await meter.run(count) { sum += try await self.repository.open(self.identifiers[$0 % set], at: self.now)?.record.count ?? 0 }
        meter.verify(sum == (0..<count).reduce(0) { $0 + self.counts[$1 % set] })
        if meter.name == "read" && count > 0 {
            meter.verify(try await self.repository.open(self.identifiers[0], at: self.now)?.record.values == self.model(of: 0).values)
        }
    }

    private func model(of index: Int) -> SessionRecord {
        var record = self.model
        record.count = self.counts[index]
        return record
    }

    /// Sessions from all over the store.
    private func scattered(_ count: Int) -> [Int] {
        var generator = MixingGenerator(seed: 1)
        return (0..<count).map { _ in Int(generator.next() % UInt64(self.settings.sessions)) }
    }

    /// Puts a session's record under a new identifier and ends the old one, as a request does.
    private func rotate(_ old: SessionIdentifier) async throws -> SessionIdentifier {
        var random = RequestRandom()
        let opened = try await self.repository.change(old, at: self.now, using: &random) { (.keep, $0) }
        guard let opened else { ProcessExit.fail("store-stress: a session is gone", code: 1) }
        let keys = self.repository.newestKeys
        let new = try await self.repository.create(opened.record, expiresAt: self.end, at: self.now, keys: keys, using: &random)
        let hasEnded = try await self.repository.change(old, at: self.now, using: &random) {
            $0?.generation == opened.generation ? (.remove, true) : (.keep, false)
        }
        if !hasEnded { ProcessExit.fail("store-stress: a session that nobody else uses was changed", code: 1) }
        return new
    }
}
