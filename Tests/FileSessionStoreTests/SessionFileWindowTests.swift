import Glibc
import ParanoidFastCGITesting
import ParanoidLinux
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@testable import FileSessionStore

/// Each test changes a file while a worker knows its state from memory.
@Suite("A worker that sees a session's file in memory")
struct SessionFileWindowTests {
    private let name = sessionName(1)
    private let large = [UInt8](repeating: 7, count: 3000)

    /// Two workers; the first one sees the session in memory.
    private func prepare(_ fixture: StoreFixture) async throws -> (seeing: FileSessionStore, other: FileSessionStore) {
        let (seeing, other) = (try fixture.makeStore(), try fixture.makeStore())
        try await other.create(makeSession([1]), named: self.name)
        try await other.change(self.name, to: [2])
        for _ in 0..<8 { #expect(try await seeing.payload(self.name) == [2]) }
        #expect(seeing.sees(self.name))
        return (seeing, other)
    }

    /// The session as the worker has it, and another view of its file in memory.
    private func open(
        in store: FileSessionStore
    ) throws -> (session: StoredSession, position: SessionSlots.Position, window: SessionFileWindow) {
        let file = try #require(store.files.cache.file(named: self.name))
        guard case .session(let session, let position) = try file.load() else { throw TestFailure("no session") }
        let window = try #require(SessionFileWindow(file.file, budget: SessionFileWindows(most: 1)))
        return (session, position, window)
    }

    @Test("knows its own changes without reading, and those of others at once, however they take turns")
    func changes() async throws {
        let fixture = try StoreFixture()
        let (seeing, other) = try await self.prepare(fixture)
        for turn in UInt8(10)..<60 {
            let byOther = turn.isMultiple(of: 3)
            try await (byOther ? other : seeing).change(self.name, to: [turn])
            #expect(seeing.sees(self.name) == !byOther)
            #expect(try await seeing.payload(self.name) == [turn])
            #expect(try await other.payload(self.name) == [turn])
        }
    }

    @Test("learns at once that another has removed, ended or put aside the session", arguments: 0..<3)
    func ends(_ kind: Int) async throws {
        let fixture = try StoreFixture()
        let (seeing, other) = try await self.prepare(fixture)
        switch kind {
        case 0: try await other.modify(self.name, timeout: .seconds(60)) { _ in (.remove, ()) }
        case 1:
            try await other.modify(self.name, timeout: .seconds(60)) { stored in
                var ended = stored!
                ended.state = .ended
                ended.generation += 1
                return (.write(ended), ())
            }
        default: try await other.quarantine(self.name, generation: 2)
        }
        #expect(try await seeing.read(self.name)?.state == (kind == 1 ? .ended : nil))
        #expect(!seeing.sees(self.name))
    }

    @Test("follows a record that another lets grow, and lets grow itself, beyond the pair in memory", arguments: [true, false])
    func growth(_ byOther: Bool) async throws {
        let fixture = try StoreFixture()
        let (seeing, other) = try await self.prepare(fixture)
        try await (byOther ? other : seeing).change(self.name, to: self.large)
        #expect(!seeing.sees(self.name))
        for store in [seeing, other] { #expect(try await store.payload(self.name) == self.large) }
        // A small record stays in the larger pair.
        try await other.change(self.name, to: [3])
        for _ in 0..<8 { #expect(try await seeing.payload(self.name) == [3]) }
        try await seeing.change(self.name, to: [4])
        for store in [seeing, other, try fixture.makeStore()] { #expect(try await store.payload(self.name) == [4]) }
    }

    @Test("goes on after a change that failed, of the same size or a larger one", arguments: [FileStep.write, .grow, .synchronize])
    func failures(_ step: FileStep) async throws {
        var fixture = try StoreFixture()
        if step == .synchronize { fixture.configuration.durability = .power }
        let (seeing, other) = try await self.prepare(fixture)
        let failing = try fixture.makeStore(
            faults: FileFaults { (now) throws(SystemCallError) in if now == step { throw SystemCallError("write", code: ENOSPC) } }
        )
        var expected: [UInt8] = [2]
        for payload in [[5], self.large] {
            if await code({ try await failing.change(self.name, to: payload) }) == nil { expected = payload }
            for store in [seeing, other, try fixture.makeStore()] {
                for _ in 0..<8 { #expect(try await store.payload(self.name) == expected) }
            }
        }
        #expect(expected != self.large || step == .write)
        try await seeing.change(self.name, to: [6])
        for store in [seeing, other, try fixture.makeStore()] { #expect(try await store.payload(self.name) == [6]) }
    }

    @Test("writes through memory where a system call has written a moment ago, and all see what it wrote")
    func writesThroughMemory() async throws {
        let fixture = try StoreFixture()
        let (seeing, other) = try await self.prepare(fixture)
        let (session, position, window) = try self.open(in: seeing)
        var next = session
        next.generation += 1
        // Of lengths that end at a word of memory, and behind one.
        for length in 1...17 {
            next.payload = [UInt8](repeating: UInt8(length), count: length)
            let bytes = SessionSlots.encode(next, name: self.name.prefix, layout: .first, index: 1 - position.index)
            #expect(unsafe window.write(bytes.span.bytes, besides: position))
            for store in [seeing, other, try fixture.makeStore()] { #expect(try await store.payload(self.name) == next.payload) }
        }
        // What is behind the slot that was written, and the slot before it, are as they were.
        let contents = bytes(ofFile: fixture.path(of: self.name))
        #expect(contents[(position.index * 2048)...].prefix(2048).contains(session.payload[0]))
        try await other.change(self.name, to: [99])
        #expect(try await seeing.payload(self.name) == [99])
    }

    @Test("never takes a change for written that memory has lost: the file has it, or the caller is told")
    func lostMemory() async throws {
        let fixture = try StoreFixture()
        let (seeing, _) = try await self.prepare(fixture)
        let path = fixture.path(of: self.name)
        let (session, position, window) = try self.open(in: seeing)
        unsafe #expect(truncate(path, 0) == 0)
        let bytes = SessionSlots.encode(session, name: self.name.prefix, layout: .first, index: 1 - position.index)
        unsafe #expect(!window.write(bytes.span.bytes, besides: position))
        // Nor later, when memory is private and shows what was written to it.
        unsafe #expect(!window.write(bytes.span.bytes, besides: position))
    }

    @Test("writes by a system call after a write that failed, so that a file system which takes none says so")
    func failureEndsMemory() async throws {
        let fixture = try StoreFixture()
        let (_, other) = try await self.prepare(fixture)
        let path = fixture.path(of: self.name)
        let fails = Atomic<Bool>(false)
        let failing = try fixture.makeStore(
            faults: FileFaults { (now) throws(SystemCallError) in
                if now == .write, fails.load(ordering: .relaxed) { throw SystemCallError("write", code: EROFS) }
            }
        )
        for _ in 0..<8 { #expect(try await failing.payload(self.name) == [2]) }
        for payload in UInt8(3)...5 { try await failing.change(self.name, to: [payload]) }
        fails.store(true, ordering: .relaxed)
        #expect(await code { try await failing.change(self.name, to: [6]) } == .unavailable)
        fails.store(false, ordering: .relaxed)
        // A write through memory would leave this time as it is.
        let past = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
        unsafe #expect(past.withUnsafeBufferPointer { unsafe utimensat(AT_FDCWD, path, $0.baseAddress, 0) } == 0)
        try await failing.change(self.name, to: [7])
        var facts = stat()
        unsafe #expect(stat(path, &facts) == 0 && facts.st_mtim.tv_sec > 1000)
        #expect(try await other.payload(self.name) == [7])
    }

    @Test("puts a change into the file also where it is cut in the moment of writing")
    func cutWhileWriting() async throws {
        let fixture = try StoreFixture()
        let (_, other) = try await self.prepare(fixture)
        let path = fixture.path(of: self.name)
        let cuts = Atomic<Bool>(false)
        let cutting = try fixture.makeStore(
            faults: FileFaults { (now) throws(SystemCallError) in
                if now == .write, cuts.load(ordering: .relaxed) { _ = unsafe truncate(path, 0) }
            }
        )
        for _ in 0..<8 { #expect(try await cutting.payload(self.name) == [2]) }
        try await cutting.change(self.name, to: [3])
        #expect(try await other.payload(self.name) == [3])
        cuts.store(true, ordering: .relaxed)
        if await code({ try await cutting.change(self.name, to: [0x5A, 0x5B, 0x5C]) }) == nil {
            let contents = bytes(ofFile: path)
            #expect(contents.indices.contains { Array(contents[$0...].prefix(3)) == [0x5A, 0x5B, 0x5C] })
        }
        #expect(!cutting.sees(self.name))
    }

    @Test("notices what is done to the file by hand: other bytes, none at all", arguments: 0..<4)
    func byHand(_ kind: Int) async throws {
        let fixture = try StoreFixture()
        let (seeing, _) = try await self.prepare(fixture)
        let path = fixture.path(of: self.name)
        var contents = bytes(ofFile: path)
        // In the first change the session's own slot, in the second all of it; the state before the last change is in the first slot.
        switch kind {
        case 0: contents.replaceSubrange(2048..<2060, with: repeatElement(0x55, count: 12))
        case 1: contents = [UInt8](repeating: 0, count: contents.count)
        case 2: contents = []
        default: contents.replaceSubrange(2048..., with: repeatElement(0, count: 2048))
        }
        if contents.isEmpty { unsafe #expect(truncate(path, 0) == 0) } else { overwrite(path, with: contents) }
        #expect(!seeing.sees(self.name))
        let fresh = try fixture.makeStore()
        let found = await code { _ = try await fresh.read(self.name) }
        if found == nil { #expect(try await seeing.payload(self.name) == fresh.payload(self.name)) }
    }

    @Test("does so on file systems of this host only: other hosts change a file without this memory", arguments: [true, false])
    func network(_ isLocal: Bool) async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        let open = try #require(store.files.cache.file(named: self.name))
        let file = SessionFile(
            name: self.name,
            path: open.path,
            file: open.file,
            last: .first,
            identity: nil,
            windows: isLocal ? SessionFileWindows(most: 1) : nil,
            faults: nil
        )
        for _ in 0..<8 {
            guard case .session = try file.load() else { throw TestFailure("no session") }
        }
        #expect(file.isProven == isLocal)
    }

    @Test("sees some of many sessions in memory and reads the others")
    func bound() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        let names = (UInt64(0)..<24).map(sessionName)
        for name in names {
            try await store.create(makeSession([1]), named: name)
            for _ in 0..<5 { #expect(try await store.payload(name) == [1]) }
            try await store.change(name, to: [2])
            #expect(try await store.payload(name) == [2])
        }
        #expect(names.count(where: store.sees) == 8)
        // Whoever leaves makes room.
        for name in names.prefix(8) { try await store.remove(name) }
        for name in names.suffix(8) { for _ in 0..<5 { #expect(try await store.payload(name) == [2]) } }
        #expect(names.count(where: store.sees) == 8)
    }
}

extension FileSessionStore {
    /// Whether memory shows that what this worker knows of a session is the newest state.
    fileprivate func sees(_ name: SessionName) -> Bool { self.files.cache.file(named: name)?.isProven ?? false }
}
