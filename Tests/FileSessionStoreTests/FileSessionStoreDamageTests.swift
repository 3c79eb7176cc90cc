import Glibc
import ParanoidLinux
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import FileSessionStore

@Suite("Damaged and planted files")
struct FileSessionStoreDamageTests {
    private let name = sessionName(1)
    private let other = sessionName(2)

    /// A store with two sessions, the first of them in its second generation.
    private func prepare(_ fixture: StoreFixture) async throws -> FileSessionStore {
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        try await store.change(self.name, to: [2])
        try await store.create(makeSession([9]), named: self.other)
        return store
    }

    @Test("a file that says nothing is reported once, moved aside and absent from then on", arguments: [true, false])
    func damaged(_ isReadFirst: Bool) async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        let worker = try fixture.makeStore()
        #expect(try await worker.payload(self.name) == [2])
        let path = fixture.path(of: self.name)
        var damaged = bytes(ofFile: path)
        for offset in [102, 2048 + 102] { damaged[offset] ^= 0xFF }
        overwrite(path, with: damaged)

        if isReadFirst {
            #expect(await code { _ = try await store.read(self.name) } == .damaged)
        } else {
            #expect(await code { try await store.change(self.name, to: [3]) } == .damaged)
        }
        for store in [store, worker, try fixture.makeStore()] {
            #expect(try await store.read(self.name) == nil)
            #expect(try await store.change(self.name, to: [3]) == false)
            #expect(try await store.payload(self.other) == [9])
        }
        #expect(fixture.damaged().count == 1)
        #expect(try bytes(ofFile: "\(fixture.directory)/damaged/\(#require(fixture.damaged().first))") == damaged)
        #expect(fixture.log.lines.count { $0.contains("moved aside") } == 1)
        #expect(fixture.log.lines.contains { $0.contains(self.name.description) })
        // The name is free.
        try await worker.create(makeSession([7]), named: self.name)
        #expect(try await store.payload(self.name) == [7])
    }

    @Test("truncation at any offset leaves no session or a whole one")
    func truncation() async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        // All lengths within the used bytes of either slot, and around the ends of slots and pair.
        for length in [0..<200, 2040..<2260, 4080..<4096].joined() {
            let name = sessionName(UInt64(1000 + length))
            try await store.create(makeSession([1]), named: name)
            try await store.change(name, to: [2])
            #expect(unsafe truncate(fixture.path(of: name), off_t(length)) == 0)
            let found = await code {
                let session = try await store.read(name)
                #expect(session == nil)
            }
            #expect(found == (length == 0 ? nil : .damaged), "cut at \(length)")
            #expect(try await store.read(name) == nil)
        }
        #expect(try await store.payload(self.other) == [9])
    }

    @Test("truncation of a grown file at any page leaves no session or a whole one that it had")
    func truncationOfGrownFiles() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        let large = [UInt8](repeating: 5, count: 5000)
        for length in stride(from: 0, to: SlotLayout(level: 2).fileByteCount, by: 512) {
            let name = sessionName(UInt64(length))
            try await store.create(makeSession([1]), named: name)
            try await store.change(name, to: large)
            #expect(unsafe truncate(fixture.path(of: name), off_t(length)) == 0)
            do {
                let found = try await store.read(name)
                #expect(found == nil || found == makeSession([1]) || found == makeSession(large, generation: 2), "cut at \(length)")
            } catch {
                #expect(error.code == .damaged)
            }
        }
    }

    @Test("a bit flipped at any offset of the file leaves one of its two states")
    func flips() async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        let path = fixture.path(of: self.name)
        let whole = bytes(ofFile: path)
        for offset in whole.indices {
            overwrite(path, with: [whole[offset] ^ (1 << UInt8(offset % 8))], at: offset)
            let reader = offset % 256 == 0 ? try fixture.makeStore() : store
            let payload = try await reader.payload(self.name)
            #expect(payload == [2] || payload == [1], "byte \(offset)")
            overwrite(path, with: [whole[offset]], at: offset)
        }
        #expect(fixture.damaged() == [])
    }

    @Test("a tombstone that is damaged does not give the session back")
    func damagedTombstones() async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        try await store.change(self.name, to: [3], state: .ended)
        overwrite(fixture.path(of: self.name), with: [0xFF], at: 102)
        #expect(await code { _ = try await store.read(self.name) } == .damaged)
        #expect(try await store.read(self.name) == nil)
    }

    @Test("the bytes of another session are not this session's")
    func swapped() async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        overwrite(fixture.path(of: self.name), with: bytes(ofFile: fixture.path(of: self.other)))
        #expect(await code { _ = try await store.read(self.name) } == .damaged)
        #expect(try await store.payload(self.other) == [9])
    }

    /// Things that are not a session's file but have its name.
    enum Plant: String, Sendable, CaseIterable {
        case symbolicLink
        case hardLink
        case pipe
        case directory
        case foreignMode
        case shardLink
    }

    @Test("what is not a file of ours alone is refused, logged once and not touched", arguments: Plant.allCases)
    func planted(_ plant: Plant) async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        let victim = sessionName(77)
        let path = fixture.path(of: victim)
        let shard = String(path.dropLast(65))
        _ = unsafe mkdir(shard, 0o700)
        let target = fixture.path(of: self.other)
        switch plant {
        case .symbolicLink: #expect(unsafe symlink(target, path) == 0)
        case .hardLink: #expect(unsafe link(target, path) == 0)
        case .pipe: #expect(unsafe mkfifo(path, 0o600) == 0)
        case .directory: #expect(unsafe mkdir(path, 0o700) == 0)
        case .foreignMode:
            try await store.create(makeSession([5]), named: victim)
            #expect(unsafe chmod(path, 0o644) == 0)
        case .shardLink:
            #expect(unsafe rmdir(shard) == 0)
            #expect(unsafe symlink(String(target.dropLast(65)), shard) == 0)
        }
        // Nothing of it is known to a store that starts now.
        let store2 = try fixture.makeStore()
        for _ in 0..<3 {
            #expect(await code { _ = try await store2.read(victim) } == .refused)
            #expect(await code { try await store2.change(victim, to: [1]) } == .refused)
        }
        #expect(await code { try await store2.create(makeSession([1]), named: victim) } == (plant == .shardLink ? .refused : .nameTaken))
        while try await !store2.sweep(expiredAt: .distantFuture, budget: 1000).isComplete {}
        #expect(fixture.log.lines.count { $0.contains("a session was refused") } == (plant == .shardLink ? 1 : plant == .hardLink ? 2 : 1))
        var facts = stat()
        #expect(unsafe lstat(plant == .shardLink ? shard : path, &facts) == 0)
        #expect(try await store.read(self.name) == nil)
    }

    @Test("a file removed by hand is noticed, and its name is free")
    func removedByHand() async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        #expect(unsafe unlink(fixture.path(of: self.name)) == 0)
        while try await store.read(self.name) != nil { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try await store.change(self.name, to: [3]) == false)
        try await store.create(makeSession([4]), named: self.name)
        #expect(try await store.payload(self.name) == [4])
    }

    @Test("bytes that do not open stay as they are, aside, and the session is gone for all")
    func quarantine() async throws {
        let fixture = try StoreFixture()
        let store = try await self.prepare(fixture)
        let worker = try fixture.makeStore()
        #expect(try await worker.payload(self.name) == [2])
        let suspicious = bytes(ofFile: fixture.path(of: self.name))[2048...]
        try await store.quarantine(self.name, generation: 2)
        #expect(try await worker.read(self.name) == nil)
        #expect(try bytes(ofFile: "\(fixture.directory)/damaged/\(#require(fixture.damaged().first))")[2048...] == suspicious)
        #expect(fixture.log.lines.count { $0.contains("moved aside") } == 1)
    }
}
