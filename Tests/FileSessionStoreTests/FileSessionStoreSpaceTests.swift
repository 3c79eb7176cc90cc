import Glibc
import ParanoidLinux
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import FileSessionStore

@Suite("Room for sessions")
struct FileSessionStoreSpaceTests {
    /// A session that begins with its creation; nobody is logged in unless there is a tag.
    private func fresh(_ tag: UserTag? = nil) -> StoredSession {
        var session = makeSession([1])
        session.userTag = tag
        return session
    }

    @Test("so many anonymous sessions and no more; a sweep counts them anew, and logins are let in")
    func cap() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.maximumAnonymousSessions = 3
        let store = try fixture.makeStore()
        let other = try fixture.makeStore()
        for number in 1...3 { try await (number == 2 ? other : store).create(self.fresh(), named: sessionName(UInt64(number))) }
        for store in [store, other] {
            #expect(await code { try await store.create(self.fresh(), named: sessionName(10)) } == .full)
        }
        try await store.create(self.fresh(UserTag(bytes: [UInt8](repeating: 7, count: 16))), named: sessionName(11))
        // One that goes on under a new name is not one more.
        var moved = self.fresh()
        moved.createdAt = Timestamp(secondsSinceEpoch: 1_600_000_000)
        try await store.create(moved, named: sessionName(12))
        for number in [1, 12] { try await store.remove(sessionName(UInt64(number))) }
        while try await !store.sweep(expiredAt: .distantPast, budget: 2).isComplete {}
        try await other.create(self.fresh(), named: sessionName(13))
        #expect(await code { try await store.create(self.fresh(), named: sessionName(14)) } == .full)
    }

    @Test(
        "the last of the space is not for anonymous sessions",
        arguments: [
            (FileSystemSpace(bytesFree: 5_000, bytes: 100_000, inodesFree: 50, inodes: 1000), true),
            (FileSystemSpace(bytesFree: 4_999, bytes: 100_000, inodesFree: 50, inodes: 1000), false),
            (FileSystemSpace(bytesFree: 5_000, bytes: 100_000, inodesFree: 49, inodes: 1000), false),
            (FileSystemSpace(bytesFree: 5_000, bytes: 100_000, inodesFree: 0, inodes: 0), true),
            (FileSystemSpace(bytesFree: 256 << 20, bytes: 1 << 50, inodesFree: 10_000, inodes: 1 << 40), true),
            (FileSystemSpace(bytesFree: 255 << 20, bytes: 1 << 50, inodesFree: 10_000, inodes: 1 << 40), false),
            (FileSystemSpace(bytesFree: 256 << 20, bytes: 1 << 50, inodesFree: 9_999, inodes: 1 << 40), false),
        ]
    )
    func floor(_ space: FileSystemSpace, _ hasRoom: Bool) {
        #expect(FreeSpaceMonitor.hasRoom(space, percent: 5) == hasRoom)
        #expect(FreeSpaceMonitor.hasRoom(FileSystemSpace(bytesFree: 0, bytes: 1 << 40, inodesFree: 0, inodes: 1 << 20), percent: 0))
    }

    @Test(
        "on a small disk anonymous sessions are refused before logged-in ones, and the service recovers",
        .enabled(if: geteuid() == 0, "needs mount")
    )
    func smallDisk() async throws {
        let fixture = try StoreFixture()
        let mount = "\(fixture.scratch.path)/disk"
        _ = unsafe mkdir(mount, 0o700)
        guard run("mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=400", "tmpfs", mount) == 0 else { return }
        defer { run("umount", "-l", mount) }
        var onDisk = fixture
        onDisk.configuration.directory = "\(mount)/sessions"
        onDisk.configuration.reservedPercent = 50
        let store = try onDisk.makeStore()
        try await store.create(self.fresh(), named: sessionName(1))
        #expect(run("dd", "if=/dev/zero", "of=\(mount)/fill", "bs=64k", "count=40") == 0)
        let anew = try onDisk.makeStore()
        #expect(await code { try await anew.create(self.fresh(), named: sessionName(2)) } == .full)
        try await anew.create(self.fresh(UserTag(bytes: [UInt8](repeating: 1, count: 16))), named: sessionName(3))
        #expect(try await anew.change(sessionName(1), to: [2]))
        var report = SweepReport()
        while !report.isComplete { report.add(try await anew.sweep(expiredAt: .distantPast, budget: 1000)) }
        let free = try #require(report.bytesFree)
        #expect(free < 2 << 20)
        #expect(try #require(report.inodesFree) < 400)
        #expect(report.live == 3 - 1 && report.anonymous == 1)
        #expect(run("rm", "\(mount)/fill") == 0)
        try await onDisk.makeStore().create(self.fresh(), named: sessionName(2))
    }

    @Test("a sweep says how long what it removes was overdue, and clears away what was moved aside long ago")
    func report() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.damagedLifetime = .seconds(60)
        let store = try fixture.makeStore()
        try await store.create(makeSession([1], expiresAt: Timestamp(secondsSinceEpoch: 1_750_000_000)), named: sessionName(1))
        try await store.create(makeSession([1], expiresAt: Timestamp(secondsSinceEpoch: 1_750_000_500)), named: sessionName(2))
        try await store.create(makeSession([1]), named: sessionName(3))
        overwrite(fixture.path(of: sessionName(3)), with: [UInt8](repeating: 9, count: 4096), at: 0)
        #expect(await code { _ = try await fixture.makeStore().read(sessionName(3)) } == .damaged)
        #expect(fixture.damaged().count == 1)
        var report = SweepReport()
        while !report.isComplete {
            report.add(try await store.sweep(expiredAt: Timestamp(secondsSinceEpoch: 1_750_001_000), budget: 100))
        }
        #expect(report.removed == 2 && report.oldestOverdue == .seconds(1000) && report.live == 0)
        #expect(fixture.damaged().count == 1)
        age("\(fixture.directory)/damaged/\(fixture.damaged()[0])", by: 120)
        while try await !store.sweep(expiredAt: .distantPast, budget: 100).isComplete {}
        #expect(fixture.damaged() == [])
    }

    @Test("a directory of ours that others could look into is closed to them")
    func repair() throws {
        let fixture = try StoreFixture()
        _ = unsafe mkdir(fixture.directory, 0o700)
        #expect(unsafe chmod(fixture.directory, 0o755) == 0)
        _ = try fixture.makeStore()
        var facts = stat()
        #expect(unsafe stat(fixture.directory, &facts) == 0)
        #expect(facts.st_mode == S_IFDIR | 0o700)
    }

    @Test("whether locks exclude another process is tried, and leaves nothing behind")
    func lockProbe() throws {
        let fixture = try StoreFixture()
        _ = unsafe mkdir(fixture.directory, 0o700)
        let root = try SecureDirectory.openOrCreate(fixture.directory)
        try LockProbe.run(in: root, path: fixture.directory)
        #expect(entries(of: fixture.directory) == [])
    }

    @Test("a session that a newer version has written is refused, not taken for damage and not overwritten")
    func newerVersion() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: sessionName(1))
        let path = fixture.path(of: sessionName(1))
        // The other slot, of a later version, with generation 2.
        var slot = Array(
            SessionSlots.encode(makeSession([7], generation: 2), name: sessionName(1).prefix, layout: .first, index: 1).dropLast(8)
        )
        slot[3] = StoredSession.formatVersions.upperBound + 1
        let checksum = unsafe slot.withUnsafeBytes { unsafe SlotChecksum.of($0, name: sessionName(1).prefix, layout: .first, slot: 1) }
        slot += encode(checksum)
        overwrite(path, with: slot, at: 2048)
        let before = bytes(ofFile: path)
        for store in [store, try fixture.makeStore()] {
            #expect(await code { _ = try await store.read(sessionName(1)) } == .refused)
            #expect(await code { _ = try await store.change(sessionName(1), to: [3]) } == .refused)
        }
        while try await !store.sweep(expiredAt: .distantFuture, budget: 1000).isComplete {}
        #expect(bytes(ofFile: path) == before)
        #expect(fixture.damaged() == [])
    }
}
