internal import ParanoidFastCGITesting
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// One of the tasks of a worker process: does one thing after the other to the sessions that all share.
struct TortureTask {
    /// What a read or a change found.
    enum Found: Sendable {
        case count(UInt64)
        case gone
    }

    let field: TortureField
    /// Names the process among all that ever ran.
    let serial: Int
    let number: Int
    /// The chain that this task rotates, if it has one.
    let ownChain: Int?
    var chainHead: SessionIdentifier?
    var choice: MixingGenerator
    private let appended: NoteFile
    private var appendedCount: UInt64 = 0
    /// The highest count seen of each counter: nobody may see less later.
    private var seen = [UInt64](repeating: 0, count: TortureGround.counters)
    private var shortLived: [(identifier: SessionIdentifier, end: Timestamp)] = []

    init(_ field: TortureField, serial: Int, number: Int, ownChain: Int?) throws {
        self.field = field
        self.serial = serial
        self.number = number
        self.ownChain = ownChain
        var random = SystemRandom()
        self.choice = MixingGenerator(seed: random.next())
        self.appended = try NoteFile(field.ground.note("list.\(serial).\(number).done"))
    }

    var repository: SessionRepository { self.field.repository }

    /// Works until it is over.
    mutating func run() async throws {
        if let ownChain { try await self.recoverChain(ownChain) }
        while !self.field.isOver.load(ordering: .relaxed) {
            switch self.choice.next() % 100 {
            case 0..<40: try await self.countUp(0)
            case 40..<55: try await self.countUp(1 + Int(self.choice.next() % UInt64(TortureGround.counters - 1)))
            case 55..<65: try await self.append()
            case 65..<80: try await self.countUpChain(Int(self.choice.next() % UInt64(self.field.chains.count)))
            case 80..<88: try await self.visitVictim(Int(self.choice.next() % UInt64(TortureGround.victims)))
            case 88..<95: try await self.liveShortly()
            default:
                if let ownChain { try await self.rotate(ownChain) } else { try await self.countUp(0) }
            }
        }
    }

    // MARK: Steps

    /// Adds 1 to the counter of a session.
    func increment(_ identifier: SessionIdentifier, expiresAt: Timestamp) async throws -> Found {
        var random = SystemRandom()
        let field = self.field
        return try await self.repository.change(identifier, at: TortureGround.now(), using: &random) {
            opened -> (SessionRepository.Change, Found) in
            guard let opened else { return (.keep, .gone) }
            var record = opened.record
            if !record.isConsistent { field.violation("a record is put together from two states") }
            record.count += 1
            return (.write(record, expiresAt: expiresAt), .count(record.count))
        }
    }

    /// Ends a session.
    ///
    /// - Returns: Whether it was there.
    func end(_ identifier: SessionIdentifier) async throws -> Bool {
        var random = SystemRandom()
        let wasThere = try await self.repository.change(identifier, at: TortureGround.now(), using: &random) {
            ($0 == nil ? .keep : .remove, $0 != nil)
        }
        if wasThere { self.field.noteEnd(of: identifier) }
        return wasThere
    }

    /// Makes a session.
    func create(_ record: SessionRecord, expiresAt: Timestamp) async throws -> SessionIdentifier {
        var random = SystemRandom()
        let keys = self.repository.newestKeys
        return try await self.repository.create(record, expiresAt: expiresAt, at: TortureGround.now(), keys: keys, using: &random)
    }

    /// Makes sure that a session that is over stays so.
    func expectGone(_ identifier: SessionIdentifier, _ what: String) async throws {
        if try await self.repository.open(identifier, at: TortureGround.now()) != nil { self.field.violation("\(what) can be read") }
        if case .count = try await self.increment(identifier, expiresAt: TortureGround.someday) {
            self.field.violation("\(what) can be changed")
        }
    }

    private mutating func countUp(_ number: Int) async throws {
        let (identifier, tallies) = self.field.counters[number]
        if self.choice.next() & 1 == 0 {
            guard let opened = try await self.repository.open(identifier, at: TortureGround.now()) else {
                return self.field.violation("counter \(number) cannot be read")
            }
            self.see(opened.record.count, of: number)
        }
        tallies.tried.tally()
        switch try await self.increment(identifier, expiresAt: TortureGround.never) {
        case .gone: self.field.violation("counter \(number) is gone")
        case .count(let count):
            tallies.done.tally()
            if count <= self.seen[number] { self.field.violation("counter \(number) was given \(count) after \(self.seen[number])") }
            self.see(count, of: number)
        }
    }

    private mutating func see(_ count: UInt64, of number: Int) {
        if count < self.seen[number] { self.field.violation("counter \(number) went back from \(self.seen[number]) to \(count)") }
        self.seen[number] = max(self.seen[number], count)
    }

    /// Appends one element to the first list that has room.
    private mutating func append() async throws {
        let element = SessionRecord.bytes(of: UInt64(self.serial) << 48 | UInt64(self.number) << 32 | self.appendedCount)
        while true {
            let index = self.field.currentList.load(ordering: .relaxed)
            guard index < self.field.lists.count else { return }
            var random = SystemRandom()
            let hasRoom = try await self.repository.change(self.field.lists[index], at: TortureGround.now(), using: &random) {
                opened -> (SessionRepository.Change, Bool?) in
                guard let opened else { return (.keep, nil) }
                var record = opened.record
                if record.list.count >= 8 * TortureGround.listLength { return (.keep, false) }
                record.list += element
                return (.write(record, expiresAt: TortureGround.never), true)
            }
            guard let hasRoom else { return self.field.violation("list \(index) is gone") }
            if hasRoom { break }
            _ = self.field.currentList.compareExchange(expected: index, desired: index + 1, ordering: .relaxed)
        }
        self.appended.tally()
        self.appendedCount += 1
    }

    /// Changes or ends a session that others change and end, too.
    private mutating func visitVictim(_ number: Int) async throws {
        let whereabouts = self.field.victims[number]
        guard let identifier = whereabouts.current else { return }
        if self.choice.next() % 16 == 0 {
            guard try await self.end(identifier) else { return }
            self.field.logouts.tally()
        } else {
            if case .count = try await self.increment(identifier, expiresAt: TortureGround.someday) { return }
            // Whoever ended it replaces it at once, or was killed.
            if whereabouts.current != identifier { return }
        }
        try await self.expectGone(identifier, "a session that was logged out")
        let record = SessionRecord(count: 0, fillerByteCount: 300, at: TortureGround.now())
        whereabouts.publish(try await self.create(record, expiresAt: TortureGround.someday))
    }

    /// Makes a session that soon expires, uses it, and looks at one that has expired.
    private mutating func liveShortly() async throws {
        let start = self.choice.next() >> 1
        let end = TortureGround.now().advanced(by: .milliseconds(20 + Int64(start % 60)))
        let record = SessionRecord(count: start, fillerByteCount: Int(start % 3000), at: TortureGround.now())
        let identifier = try await self.create(record, expiresAt: end)
        let opened = try await self.repository.open(identifier, at: TortureGround.now())
        if let opened {
            if opened.record.encoded() != record.encoded() { self.field.violation("a new session is not what was written") }
        } else if TortureGround.now() < end {
            self.field.violation("a new session cannot be read")
        }
        switch try await self.increment(identifier, expiresAt: end) {
        case .gone: if TortureGround.now() < end { self.field.violation("a new session is gone") }
        case .count(let count): if count != start + 1 { self.field.violation("a new session has another count") }
        }
        self.shortLived.append((identifier, end))
        guard self.shortLived.count > 8 else { return }
        let (old, oldEnd) = self.shortLived.removeFirst()
        guard oldEnd <= TortureGround.now() else { return }
        try await self.expectGone(old, "an expired session")
    }
}
