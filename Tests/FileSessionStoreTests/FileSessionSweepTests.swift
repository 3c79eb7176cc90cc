import Glibc
import ParanoidFastCGITesting
import ParanoidLinux
import ParanoidSessions
import Testing

@testable import FileSessionStore

@Suite("A sweep over sessions that live")
struct FileSessionSweepTests {
    private let name = sessionName(1)

    /// The time of modification of a file, in nanoseconds since the Unix epoch.
    private func modificationTime(_ path: String) -> Int64 {
        var facts = stat()
        precondition(unsafe stat(path, &facts) == 0)
        return Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec)
    }

    private func set(_ path: String, modifiedAt time: Int64) {
        var times = [timespec(), timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))]
        times[0].tv_nsec = (1 << 30) - 2  // UTIME_OMIT
        precondition(unsafe utimensat(AT_FDCWD, path, times, 0) == 0)
    }

    private func isNoted(_ path: String) -> Bool { self.modificationTime(path) > WallClock.nanosecondsSinceEpoch() }

    private func sweep(
        _ store: FileSessionStore,
        at now: Timestamp = Timestamp(secondsSinceEpoch: 1_750_000_000),
        budget: Int = 1000
    ) async throws -> SweepReport {
        var report = SweepReport()
        while !report.isComplete { report.add(try await store.sweep(expiredAt: now, budget: budget)) }
        return report
    }

    private func soon(_ seconds: Int64) -> Timestamp {
        Timestamp(nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch()).advanced(by: .seconds(seconds))
    }

    @Test("a session at rest is noted, and its file is not opened again until it is written", arguments: [10, 3000])
    func rest(_ byteCount: Int) async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        try await store.change(self.name, to: [UInt8](repeating: 2, count: byteCount))
        let path = fixture.path(of: self.name)
        #expect(try await self.sweep(store).live == 1)
        #expect(!self.isNoted(path), "somebody uses it")
        age(path, by: 120)
        #expect(try await self.sweep(store).live == 1)
        #expect(self.isNoted(path))

        // With the note in place nobody notices what was done to the file behind the sweeper's back.
        let note = self.modificationTime(path)
        let whole = bytes(ofFile: path)
        overwrite(path, with: [UInt8](repeating: 9, count: whole.count), at: 0)
        self.set(path, modifiedAt: note)
        #expect(try await self.sweep(store).live == 1)
        #expect(fixture.damaged() == [])
        overwrite(path, with: whole, at: 0)
        self.set(path, modifiedAt: note)

        // A change ends the note, and its own end counts.
        #expect(try await store.change(self.name, to: [3]))
        #expect(!self.isNoted(path))
        #expect(try await self.sweep(store).live == 1)
        #expect(try await store.change(self.name, to: [4], state: .ended))
        age(path, by: 120)
        #expect(try await self.sweep(store).live == 0)
        #expect(self.isNoted(path), "a tombstone is at rest too")
        #expect(try await self.sweep(store).live == 0)
        #expect(try await store.read(self.name)?.state == .ended)
    }

    @Test("a noted session goes when its time has come, when all sessions end, and when it is ended")
    func end() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        for number in 1...3 {
            let name = sessionName(UInt64(number))
            try await store.create(makeSession([1], expiresAt: self.soon(3600)), named: name)
            age(fixture.path(of: name), by: 120)
        }
        #expect(try await self.sweep(store, at: self.soon(0)).live == 3)
        for number in 1...3 { #expect(self.isNoted(fixture.path(of: sessionName(UInt64(number))))) }
        try await store.remove(sessionName(3))
        #expect(sessionFiles(below: fixture.directory).count == 2)
        #expect(try await self.sweep(store, at: self.soon(3590)).live == 2)
        #expect(try await self.sweep(store, at: self.soon(3601)).removed == 2)

        try await store.create(makeSession([1]), named: self.name)
        age(fixture.path(of: self.name), by: 120)
        #expect(try await self.sweep(store).live == 1)
        #expect(self.isNoted(fixture.path(of: self.name)))
        try await store.beginEpoch()
        #expect(try await self.sweep(store).removed == 1)
        #expect(sessionFiles(below: fixture.directory) == [])
    }

    @Test("names the sessions of users that have expired: not those of nobody, nor those that were ended")
    func expired() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        func time(_ seconds: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: 4_000_000_000 + seconds) }
        for number in 0..<5 {
            var session = makeSession([1], expiresAt: time(number == 4 ? 3600 : 60))
            session.handle = try #require(SessionHandle("000000000000000\(number)"))
            if number != 1 { session.userTag = UserTag(bytes: [UInt8](repeating: 1, count: 16)) }
            if number == 2 { session.state = .ended }
            try await store.create(session, named: sessionName(UInt64(number)))
        }
        let report = try await store.sweep(expiredAt: time(61), budget: 100_000)
        #expect(report.removed == 4)
        #expect(report.expired.map(\.handle.description).sorted() == ["0000000000000000", "0000000000000003"])
        #expect(report.expired.allSatisfy { $0.at == time(60) })
        try await store.beginEpoch()
        #expect(
            try await store.sweep(expiredAt: time(62), budget: 100_000).expired == [],
            "one that ended with all is not one whose time is over"
        )
    }

    @Test("tombstones are no live sessions, whether they are fresh or at rest")
    func tombstones() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        for number in 0..<6 {
            var session = makeSession([1])
            if number < 4 { session.userTag = UserTag(bytes: [UInt8](repeating: 1, count: 16)) }
            try await store.create(session, named: sessionName(UInt64(number)))
        }
        for number in [0, 1, 5] {
            let held = try #require(try await store.lock(sessionName(UInt64(number)), timeout: .seconds(60)))
            var tombstone = try #require(held.current)
            tombstone.state = .ended
            tombstone.userTag = nil
            tombstone.payload = []
            tombstone.generation += 1
            try held.commit(.write(tombstone))
        }
        for pass in 0..<3 {
            let report = try await self.sweep(store)
            #expect(report.live == 3 && report.anonymous == 1, "pass \(pass)")
            for number in 0..<6 { age(fixture.path(of: sessionName(UInt64(number))), by: 120) }
        }
    }

    @Test("anonymous sessions are counted alike with and without a note", arguments: [1, 7, 1000])
    func anonymous(_ budget: Int) async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        for number in 0..<40 {
            var session = makeSession([1])
            if number % 4 == 0 { session.userTag = UserTag(bytes: [UInt8](repeating: UInt8(number), count: 16)) }
            try await store.create(session, named: sessionName(UInt64(number)))
        }
        let fresh = try await self.sweep(store, budget: budget)
        for number in 0..<40 { age(fixture.path(of: sessionName(UInt64(number))), by: 120) }
        let first = try await self.sweep(store, budget: budget)
        let noted = try await self.sweep(store, budget: budget)
        for report in [fresh, first, noted] { #expect(report.live == 40 && report.anonymous == 30 && report.examined == 50) }
        #expect((0..<40).allSatisfy { self.isNoted(fixture.path(of: sessionName(UInt64($0)))) })
        #expect(store.files.control.anonymous == 30)
    }

    @Test("a write between the look at a session and the note about it is not hidden by the note")
    func race() async throws {
        let fixture = try StoreFixture()
        try await fixture.makeStore().create(makeSession([1]), named: self.name)
        let path = fixture.path(of: self.name)
        // Session 1 in generation 2, as another process writes it: over now.
        let layout = SlotLayout.first
        let session = makeSession([2], generation: 2, expiresAt: Timestamp(secondsSinceEpoch: 1_700_000_001))
        let slot = SessionSlots.encode(session, name: self.name.prefix, layout: layout, index: 1)
        let store = try fixture.makeStore(
            faults: FileFaults { step in if step == .note { overwrite(path, with: slot, at: layout.offset(ofSlot: 1)) } }
        )
        age(path, by: 120)
        #expect(try await self.sweep(store).live == 1)
        #expect(!self.isNoted(path))
        #expect(try await self.sweep(store).removed == 1)
    }

    @Test("what is moved aside is cleared away in time although its file carried a note")
    func damaged() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.damagedLifetime = .zero
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        age(fixture.path(of: self.name), by: 120)
        _ = try await self.sweep(store)
        let note = self.modificationTime(fixture.path(of: self.name))
        try await store.quarantine(self.name, generation: 1)
        self.set("\(fixture.directory)/damaged/\(fixture.damaged()[0])", modifiedAt: note)
        #expect(try await self.sweep(store).leftovers == 1)
        #expect(fixture.damaged() == [])
    }

    // MARK: The note

    private static let second: Int64 = 1_000_000_000
    private static let wall: Int64 = 1_750_000_000 * second
    private static let rested: Int64 = wall - 100 * second

    private func note(_ session: StoredSession, writtenAt: Int64 = rested) -> SweepNote? {
        SweepNote(session, writtenAt: writtenAt, wall: Self.wall)
    }

    @Test("a note is believed until the session's end, and no longer")
    func belief() throws {
        var session = makeSession([1], expiresAt: Timestamp(nanosecondsSinceEpoch: Self.wall + 3600 * Self.second))
        session.epoch = 1 << 40 | 5
        let note = try #require(self.note(session))
        #expect(note.glimpse == .anonymous)
        #expect(note.modificationTime < session.expiresAt.nanosecondsSinceEpoch)
        func believed(_ time: Int64, wall: Int64 = Self.wall, now: Int64 = Self.wall, epoch: UInt64 = 1 << 40 | 5) -> Bool {
            SweepNote(time, wall: wall, now: Timestamp(nanosecondsSinceEpoch: now), epoch: epoch) != nil
        }
        #expect(believed(note.modificationTime))
        #expect(!believed(note.modificationTime, now: session.expiresAt.nanosecondsSinceEpoch))
        #expect(!believed(note.modificationTime, wall: Self.wall + 3590 * Self.second), "a plain time may be near the present")
        #expect(!believed(note.modificationTime, epoch: 1 << 40 | 6))
        #expect(!believed(note.modificationTime, epoch: 4))
        for rounding: Int64 in [10, 100, 1000, Self.second, 2 * Self.second] {
            #expect(!believed(note.modificationTime / rounding * rounding), "a file system that keeps no nanoseconds")
        }
        #expect(!believed(-note.modificationTime))
    }

    @Test("no note is made about what was written lately or ends soon, and none for longer than thirty days")
    func making() throws {
        let hour = Timestamp(nanosecondsSinceEpoch: Self.wall + 3600 * Self.second)
        #expect(self.note(makeSession([1], expiresAt: hour)) != nil)
        #expect(self.note(makeSession([1], expiresAt: hour), writtenAt: Self.wall - 10 * Self.second) == nil)
        #expect(self.note(makeSession([1], expiresAt: Timestamp(nanosecondsSinceEpoch: Self.wall + 100 * Self.second))) == nil)
        #expect(self.note(makeSession([1], expiresAt: .distantPast)) == nil)
        let longest = try #require(self.note(makeSession([1], expiresAt: .distantFuture)))
        #expect(longest.modificationTime <= Self.wall + 30 * 86_400 * Self.second)
        var user = makeSession([1], expiresAt: hour)
        user.userTag = UserTag(bytes: [UInt8](repeating: 1, count: 16))
        #expect(try #require(self.note(user)).glimpse == .ofUser)
        // The user's number may end it, and is forgotten after thirty days.
        user.expiresAt = .distantFuture
        #expect(try #require(self.note(user)).modificationTime <= Self.wall + 86_400 * Self.second)
        #expect(try #require(self.note(makeSession([1], state: .ended, expiresAt: hour))).glimpse == .tombstone)
    }
}
