import Glibc
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import Testing

@testable import FileSessionStore

@Suite("Users' sessions in files")
struct FileSessionStoreUserTests {
    private static let ann = UserTag(bytes: [UInt8](repeating: 0xA1, count: 16))!

    private func session(_ payload: [UInt8] = [1], tag: UserTag? = ann, generation: UInt64 = 1) -> StoredSession {
        var session = makeSession(payload, generation: generation)
        session.userTag = tag
        return session
    }

    private func index(of fixture: StoreFixture) -> [String] {
        entries(of: "\(fixture.directory)/users").flatMap { entries(of: "\(fixture.directory)/users/\($0)") }
    }

    @Test("whoever dies between the entry and the session leaves an entry, which is no session, and which a sweep takes away")
    func deathBetween() async throws {
        let fixture = try StoreFixture()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = fixture.directory as String] in
            let trap = Trap()
            let store = try FileSessionStore(
                configuration: .init(directory: path),
                logger: LogRecorder().logger,
                faults: trap.faults(at: .createFile, nil)
            )
            trap.isArmed.store(true, ordering: .relaxed)
            var session = makeSession([1])
            session.userTag = UserTag(bytes: [UInt8](repeating: 0xA1, count: 16))
            try await store.create(session, named: sessionName(1))
        }
        let store = try fixture.makeStore()
        #expect(try await store.names(ofUser: Self.ann) == [sessionName(1)])
        #expect(try await store.read(sessionName(1)) == nil)
        // Not while it may be the entry of a session that is being made.
        let entry = try #require(self.index(of: fixture).first)
        age("\(fixture.directory)/users/\(entry.prefix(3))/\(entry)", by: -3600)
        while try await !store.sweep(expiredAt: .distantPast, budget: 1000).isComplete {}
        #expect(self.index(of: fixture).count == 1)
        for entry in self.index(of: fixture) { age("\(fixture.directory)/users/\(entry.prefix(3))/\(entry)", by: 120) }
        var leftovers = 0
        var isComplete = false
        while !isComplete {
            let report = try await store.sweep(expiredAt: .distantPast, budget: 1000)
            leftovers += report.leftovers
            isComplete = report.isComplete
        }
        #expect(leftovers == 1)
        #expect(self.index(of: fixture) == [])
    }

    @Test("an index that was lost is made anew from the sessions")
    func reindex() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        for number in 1...5 { try await store.create(self.session(), named: sessionName(UInt64(number))) }
        try await store.create(makeSession([2]), named: sessionName(6))
        #expect(run("rm", "-rf", "\(fixture.directory)/users") == 0)
        #expect(try await store.names(ofUser: Self.ann) == [])
        #expect(try await store.reindex() == 5)
        #expect(try await Set(fixture.makeStore().names(ofUser: Self.ann)) == Set((1...5).map { sessionName($0) }))
        #expect(try await store.reindex() == 0)
    }

    @Test("an entry goes with its session, whether that is removed, given another user or expires")
    func entriesGo() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        for number in 1...3 { try await store.create(self.session(), named: sessionName(UInt64(number))) }
        #expect(self.index(of: fixture).count == 3)
        try await store.remove(sessionName(1))
        #expect(self.index(of: fixture).count == 2)
        try await store.modify(sessionName(2), timeout: .seconds(600)) { current in
            (.write(self.session([2], tag: nil, generation: (current?.generation ?? 0) + 1)), ())
        }
        #expect(self.index(of: fixture).count == 1)
        while try await !store.sweep(expiredAt: .distantFuture, budget: 1000).isComplete {}
        #expect(self.index(of: fixture) == [])
        #expect(sessionFiles(below: fixture.directory) == [])
    }

    @Test("entries are private and show neither user nor identifier")
    func privacy() async throws {
        let fixture = try StoreFixture()
        try await fixture.makeStore().create(self.session(), named: sessionName(1))
        let entry = try #require(self.index(of: fixture).first)
        #expect(entry == "\(Self.ann.hexadecimal).\(sessionName(1).hexadecimal)")
        var facts = stat()
        #expect(unsafe stat("\(fixture.directory)/users/\(entry.prefix(3))/\(entry)", &facts) == 0)
        #expect(facts.st_mode == S_IFREG | 0o600 && facts.st_size == 0)
    }

    @Test("the end of all sessions is known to every process at once, survives their death, and a sweep removes what is left")
    func endOfAll() async throws {
        let fixture = try StoreFixture(durability: .power)
        let store = try fixture.makeStore()
        let other = try fixture.makeStore()
        for number in 1...3 { try await store.create(makeSession([1]), named: sessionName(UInt64(number))) }
        #expect(try await other.payload(sessionName(1)) == [1])
        try await store.beginEpoch()
        for reader in [store, other, try fixture.makeStore()] { #expect(try await reader.read(sessionName(1)) == nil) }
        #expect(try await !other.change(sessionName(1), to: [2]))
        var young = makeSession([9])
        young.epoch = try await other.epoch()
        try await other.create(young, named: sessionName(4))
        #expect(try await fixture.makeStore().payload(sessionName(4)) == [9])
        while try await !store.sweep(expiredAt: .distantPast, budget: 1000).isComplete {}
        #expect(sessionFiles(below: fixture.directory).count == 1)
    }

    // MARK: The control file

    /// Reads until a session is gone, for as long as it takes a worker to look at the name of the control file again.
    private func isGone(_ name: SessionName, from store: FileSessionStore) async throws -> Bool {
        for _ in 0..<100 {
            if try await store.read(name) == nil { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    @Test("a control file that is removed while workers run is made anew as it was, and nobody is logged out")
    func controlRemoved() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        let other = try fixture.makeStore()
        try await store.beginEpoch()
        var session = makeSession([1])
        session.epoch = try await store.epoch()
        try await store.create(session, named: sessionName(1))
        #expect(unsafe unlink("\(fixture.directory)/control") == 0)
        for _ in 0..<100 where entries(of: fixture.directory).contains("control") == false {
            #expect(try await store.payload(sessionName(1)) == [1])
            try await Task.sleep(for: .milliseconds(50))
        }
        let restarted = try fixture.makeStore()
        #expect(try await restarted.epoch() == session.epoch)
        for worker in [store, other, restarted] { #expect(try await worker.payload(sessionName(1)) == [1]) }
        // All see one page again, those too that have looked last a while ago.
        try await restarted.beginEpoch()
        for worker in [store, other, restarted] { #expect(try await self.isGone(sessionName(1), from: worker)) }
    }

    @Test("where a control file is missing at a start, nobody is served whose session was revoked, in any worker")
    func controlForgotten() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: sessionName(1))
        #expect(unsafe unlink("\(fixture.directory)/control") == 0)
        let tool = try fixture.makeStore()
        #expect(fixture.log.lines.contains { $0.contains("control") })
        try await tool.beginEpoch()
        #expect(try await tool.read(sessionName(1)) == nil)
        #expect(try await self.isGone(sessionName(1), from: store))
        #expect(try await fixture.makeStore().read(sessionName(1)) == nil)
        #expect(try await store.epoch() == tool.epoch())
    }

    @Test("a full disk at the first start is an error, and the process lives")
    func fullDisk() async throws {
        let scratch = try TemporaryDirectory()
        let place = "\(scratch.path)/small"
        #expect(run("mkdir", place) == 0)
        guard run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0755", "none", place) == 0 else { return }
        defer { run("umount", place) }
        for pagesLeft in [0, 1, 2] {
            let fill = "head -c \(65536 - 4096 * pagesLeft) /dev/zero > \(place)/fill 2> /dev/null"
            run("sh", "-c", "rm -rf \(place)/*; mkdir -m 0700 \(place)/sessions; \(fill)")
            let failure = await code {
                let store = try FileSessionStore(configuration: .init(directory: "\(place)/sessions"), logger: LogRecorder().logger)
                // Touches the page.
                try await store.create(makeSession([1]), named: sessionName(1))
                try await store.beginEpoch()
            }
            if pagesLeft == 0 { #expect(failure == .full) } else { #expect(failure == nil || failure == .full) }
        }
    }

    @Test("a control file that is cut, planted or of another version is refused", arguments: ["cut", "link", "version", "open"])
    func control(_ kind: String) throws {
        let fixture = try StoreFixture()
        _ = try fixture.makeStore()
        let path = "\(fixture.directory)/control"
        switch kind {
        case "cut": #expect(unsafe truncate(path, 100) == 0)
        case "link":
            let isMoved = unsafe rename(path, path + "2") == 0
            let isPlanted = unsafe symlink("control2", path) == 0
            #expect(isMoved && isPlanted)
        case "version": overwrite(path, with: [0xFF], at: 0)
        default: #expect(unsafe chmod(path, 0o666) == 0)
        }
        #expect(throws: SessionStoreError.self) { _ = try fixture.makeStore() }
        #expect(unsafe unlink(path) == 0)
        if kind != "link" { _ = try fixture.makeStore() }
    }

    @Test(
        "a control file that is cut or zeroed under the workers serves nobody, revokes nothing, and ends no process; its removal ends all sessions",
        arguments: ["cut", "cut and as long as before", "zeroed"]
    )
    func controlLost(_ kind: String) async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        let other = try fixture.makeStore()
        try await store.beginEpoch()
        try await store.create(makeSession([1]), named: sessionName(1))
        #expect(try await store.read(sessionName(1)) == nil)
        let path = "\(fixture.directory)/control"
        if kind == "zeroed" {
            overwrite(path, with: [UInt8](repeating: 0, count: 4096), at: 0)
        } else {
            #expect(unsafe truncate(path, 0) == 0)
            if kind != "cut" { #expect(unsafe truncate(path, 4096) == 0) }
        }
        for worker in [store, other, store] {
            #expect(await code { _ = try await worker.read(sessionName(1)) } == .refused)
            #expect(await code { try await worker.beginEpoch() } == .refused)
        }
        #expect(unsafe unlink(path) == 0)
        for worker in [store, other] { #expect(try await worker.read(sessionName(1)) == nil) }
        var session = makeSession([2])
        session.epoch = try await store.epoch()
        try await store.create(session, named: sessionName(2))
        for worker in [store, other, try fixture.makeStore()] { #expect(try await worker.payload(sessionName(2)) == [2]) }
    }

    @Test("another directory in the place of the session directory is noticed, as revocations happen there")
    func replacedDirectory() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: sessionName(1))
        #expect(
            run("sh", "-c", "mv \(fixture.directory) \(fixture.directory).old && cp -a \(fixture.directory).old \(fixture.directory)") == 0
        )
        let tool = try fixture.makeStore()
        try await tool.beginEpoch()
        #expect(await code { try await store.beginEpoch() } == .refused)
        var failure: SessionStoreError.Code?
        for _ in 0..<100 where failure == nil {
            failure = await code { _ = try await store.read(sessionName(1)) }
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(failure == .refused)
    }
}
