import Glibc
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import FileSessionStore

@Suite("File session store")
struct FileSessionStoreTests {
    private let name = sessionName(1)

    @Test("directories have mode 0700, files 0600, and names do not show identifiers")
    func modes() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.directory = "\(fixture.scratch.path)/deeper/and/deeper/sessions"
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        let path = fixture.path(of: self.name)
        var facts = stat()
        #expect(unsafe stat(path, &facts) == 0)
        #expect(facts.st_mode == S_IFREG | 0o600)
        #expect(facts.st_size == 4096)
        for directory in [String(path.dropLast(65)), fixture.directory, "\(fixture.scratch.path)/deeper"] {
            #expect(unsafe stat(directory, &facts) == 0)
            #expect(facts.st_mode == S_IFDIR | 0o700)
        }
        #expect(path.hasSuffix(self.name.hexadecimal))
    }

    @Test("a directory that others can write is refused, with its path and mode", arguments: [mode_t(0o777), 0o772, 0o702])
    func writableByOthers(_ mode: mode_t) throws {
        let fixture = try StoreFixture()
        _ = unsafe mkdir(fixture.directory, 0o700)
        #expect(unsafe chmod(fixture.directory, mode) == 0)
        #expect(throws: SessionStoreError.self) { _ = try fixture.makeStore() }
        do {
            _ = try fixture.makeStore()
        } catch {
            #expect((error as? SessionStoreError)?.code == .refused)
            #expect("\(error)".contains(fixture.directory) && "\(error)".contains(String(mode, radix: 8)))
        }
    }

    @Test(
        "a volume whose group was given access serves its sessions, and the access is taken away",
        arguments: [mode_t(0o2770), 0o770, 0o750],
        [mode_t(0o660), 0o640]
    )
    func groupAccess(_ directoryMode: mode_t, _ fileMode: mode_t) async throws {
        let fixture = try StoreFixture()
        try await fixture.makeStore().create(makeSession([1]), named: self.name)
        let file = fixture.path(of: self.name)
        let shard = String(file.dropLast(65))
        for path in [file, "\(fixture.directory)/control"] { #expect(unsafe chmod(path, fileMode) == 0) }
        for path in [shard, fixture.directory] { #expect(unsafe chmod(path, directoryMode) == 0) }
        let store = try fixture.makeStore()
        #expect(try await store.read(self.name)?.payload == [1])
        var facts = stat()
        for path in [file, "\(fixture.directory)/control"] {
            #expect(unsafe stat(path, &facts) == 0)
            #expect(facts.st_mode & 0o7777 == 0o600)
        }
        #expect(unsafe stat(fixture.directory, &facts) == 0)
        #expect(facts.st_mode & 0o7777 == 0o700)
    }

    @Test("a session file that all can reach is refused", arguments: [mode_t(0o604), 0o666, 0o662])
    func reachableByAll(_ mode: mode_t) async throws {
        let fixture = try StoreFixture()
        try await fixture.makeStore().create(makeSession([1]), named: self.name)
        #expect(unsafe chmod(fixture.path(of: self.name), mode) == 0)
        let store = try fixture.makeStore()
        await #expect(throws: SessionStoreError.self) { _ = try await store.read(self.name) }
    }

    @Test("a directory below one that others can write is refused, unless the sticky bit protects it")
    func writableParent() throws {
        var fixture = try StoreFixture()
        let parent = "\(fixture.scratch.path)/parent"
        _ = unsafe mkdir(parent, 0o700)
        fixture.configuration.directory = "\(parent)/sessions"
        #expect(unsafe chmod(parent, 0o777) == 0)
        #expect(throws: SessionStoreError.self) { _ = try fixture.makeStore() }
        #expect(unsafe chmod(parent, 0o1777) == 0)
        _ = try fixture.makeStore()
    }

    @Test("a directory of somebody else, a file and a link are refused", .enabled(if: geteuid() == 0, "needs the right to give files away"))
    func foreign() async throws {
        let fixture = try StoreFixture()
        _ = unsafe mkdir(fixture.directory, 0o700)
        #expect(unsafe chown(fixture.directory, 1, 1) == 0)
        #expect(throws: SessionStoreError.self) { _ = try fixture.makeStore() }
        #expect(unsafe chown(fixture.directory, 0, 0) == 0)
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        #expect(unsafe chown(fixture.path(of: self.name), 1, 1) == 0)
        #expect(await code { _ = try await fixture.makeStore().read(self.name) } == .refused)
    }

    @Test("a path that leads to a file is refused")
    func notADirectory() throws {
        var fixture = try StoreFixture()
        let file = "\(fixture.scratch.path)/file"
        unsafe close(open(file, O_CREAT | O_WRONLY, 0o600))
        for path in [file, "\(file)/sessions"] {
            fixture.configuration.directory = path
            #expect(throws: SessionStoreError.self) { _ = try fixture.makeStore() }
        }
    }

    @Test("a session that is too large is refused when it is created and when it is changed")
    func sizes() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.maximumPayloadSize = 100
        let store = try fixture.makeStore()
        let large = [UInt8](repeating: 0, count: 101)
        #expect(await code { try await store.create(makeSession(large), named: self.name) } == .tooLarge)
        #expect(try await store.read(self.name) == nil)
        try await store.create(makeSession([UInt8](repeating: 1, count: 100)), named: self.name)
        #expect(await code { try await store.change(self.name, to: large) } == .tooLarge)
        #expect(try await store.payload(self.name) == [UInt8](repeating: 1, count: 100))
        #expect(try await store.change(self.name, to: [2]))
    }

    @Test("no more files are kept open than allowed")
    func openFiles() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.maximumOpenFiles = 32
        let store = try fixture.makeStore()
        for number in 0..<200 { try await store.create(makeSession([UInt8(number)]), named: sessionName(UInt64(number))) }
        #expect(store.files.cache.count <= 32)
        for number in 0..<200 { #expect(try await store.payload(sessionName(UInt64(number))) == [UInt8(number)]) }
        #expect(store.files.cache.count <= 32)
    }

    @Test("a file keeps its inode while its session grows, shrinks and ends")
    func inode() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        var facts = stat()
        #expect(unsafe stat(fixture.path(of: self.name), &facts) == 0)
        let inode = facts.st_ino
        for size in [3000, 10, 20_000, 0] {
            #expect(try await store.change(self.name, to: [UInt8](repeating: 7, count: size)))
            #expect(unsafe stat(fixture.path(of: self.name), &facts) == 0)
            #expect(facts.st_ino == inode)
        }
    }

    @Test("the sweeper collects files that were never completed, once they are old, and nothing foreign")
    func leftovers() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        let unfinished = fixture.path(of: sessionName(2))
        _ = unsafe mkdir(String(unfinished.dropLast(65)), 0o700)
        unsafe close(open(unfinished, O_CREAT | O_WRONLY, 0o600))
        let foreign = "\(fixture.path(of: self.name).dropLast(64))notes"
        unsafe close(open(foreign, O_CREAT | O_WRONLY, 0o600))

        #expect(try await store.read(sessionName(2)) == nil)
        #expect(try await store.change(sessionName(2), to: [1]) == false)
        var report = try await store.sweep(expiredAt: .distantPast, budget: 1000)
        #expect(report.leftovers == 0 && report.live == 2)
        age(unfinished, by: 120)
        age(foreign, by: 120)
        report = try await store.sweep(expiredAt: .distantPast, budget: 1000)
        #expect(report.leftovers == 1 && report.live == 1)
        #expect(unsafe access(unfinished, F_OK) != 0)
        #expect(unsafe access(foreign, F_OK) == 0)
        #expect(try await store.payload(self.name) == [1])
    }

    @Test("empty shards go once they are old, and come back when they are needed")
    func shards() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        let shard = String(fixture.path(of: self.name).dropLast(65))
        try await store.create(makeSession([1]), named: self.name)
        age(shard, by: 7200)
        _ = try await store.sweep(expiredAt: .distantPast, budget: 1000)
        #expect(unsafe access(shard, F_OK) == 0)
        try await store.remove(self.name)
        _ = try await store.sweep(expiredAt: .distantPast, budget: 1000)
        #expect(unsafe access(shard, F_OK) == 0)
        age(shard, by: 7200)
        _ = try await store.sweep(expiredAt: .distantPast, budget: 1000)
        #expect(unsafe access(shard, F_OK) != 0)
        try await store.create(makeSession([2]), named: self.name)
        #expect(try await store.payload(self.name) == [2])
    }

    @Test("what another worker writes, lets grow or removes is seen at once through a file kept open")
    func otherWorkers() async throws {
        let fixture = try StoreFixture()
        let (store, worker) = (try fixture.makeStore(), try fixture.makeStore())
        try await store.create(makeSession([1]), named: self.name)
        #expect(try await worker.payload(self.name) == [1])
        for size in [1, 2, 2500, 3, 9000, 9001] {
            let payload = [UInt8](repeating: UInt8(size & 0xFF), count: size)
            #expect(try await store.change(self.name, to: payload))
            #expect(try await worker.payload(self.name) == payload)
        }
        try await store.remove(self.name)
        #expect(try await worker.read(self.name) == nil)
        try await store.create(makeSession([2]), named: self.name)
        #expect(try await worker.payload(self.name) == [2])
    }
}
