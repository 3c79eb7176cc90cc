import Synchronization
import Glibc
import ParanoidLinux
import ParanoidSessions
import Testing

@testable import FileSessionStore

@Suite("Waiting for a session")
struct FileSessionStoreLockTests {
    private let name = sessionName(1)

    /// Opens the session's file as another process would and locks it.
    private func lock(_ fixture: StoreFixture) throws -> OpenFile {
        let directory = try SecureDirectory.openOrCreate(fixture.directory)
        let file = try directory.openFile(SessionDirectory.path(of: self.name))
        let locked = try #require(file)
        let isHeld = try FileLock.tryLock(locked)
        #expect(isHeld)
        return locked
    }

    @Test("whoever runs out of timeout is told who has locked the session; reading does not wait")
    func timeout() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        let other = try self.lock(fixture)
        for timeout in [Duration.zero, .milliseconds(20)] {
            do {
                try await store.change(self.name, to: [2], timeout: timeout)
                Issue.record("the session is held")
            } catch {
                #expect(error.code == .lockTimeout)
                #expect(error.message.contains("process \(getpid())"))
                #expect(error.message.contains(self.name.description))
            }
        }
        #expect(try await store.payload(self.name) == [1])
        FileLock.unlock(other)
        #expect(try await store.change(self.name, to: [2], timeout: .zero))
    }

    @Test("so many callers of a process wait for a session and no more; all who wait are served")
    func waiters() async throws {
        var fixture = try StoreFixture()
        fixture.configuration.maximumWaiters = 3
        let store = try fixture.makeStore()
        try await store.create(makeSession(encode(0)), named: self.name)
        let file = try #require(store.files.cache.file(named: self.name))
        let other = try self.lock(fixture)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 { group.addTask { try await store.increment(self.name) } }
            while file.turns.withLock({ $0.waiters.count }) < 3 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(await code { _ = try await store.increment(self.name) } == .tooManyWaiting)
            FileLock.unlock(other)
            for try await isDone in group { #expect(isDone) }
        }
        #expect(try await store.payload(self.name) == encode(4))
        #expect(file.turns.withLock { !$0.isTaken && $0.waiters.isEmpty })
    }

    @Test("those who queue behind another of their process run out of timeout, too")
    func queuedTimeout() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession(encode(0)), named: self.name)
        let file = try #require(store.files.cache.file(named: self.name))
        let other = try self.lock(fixture)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await store.increment(self.name) }
            while !file.turns.withLock({ $0.isTaken }) { try await Task.sleep(for: .milliseconds(1)) }
            #expect(await code { _ = try await store.increment(self.name, timeout: .milliseconds(20)) } == .lockTimeout)
            #expect(await code { _ = try await store.increment(self.name, timeout: .zero) } == .lockTimeout)
            FileLock.unlock(other)
            for try await isDone in group { #expect(isDone) }
        }
        #expect(try await store.payload(self.name) == encode(1))
    }

    @Test("a cancelled task commits when the session is free, and fails cleanly when it is not")
    func cancellation() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession(encode(0)), named: self.name)
        let free = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await store.increment(self.name)
        }
        free.cancel()
        #expect(try await free.value)

        let other = try self.lock(fixture)
        let held = Task {
            while !Task.isCancelled { await Task.yield() }
            return await code { _ = try await store.increment(self.name) }
        }
        held.cancel()
        #expect(await held.value == .lockTimeout)
        FileLock.unlock(other)
        #expect(try await store.payload(self.name) == encode(1))
        #expect(try await store.increment(self.name, timeout: .zero))
    }

    @Test("the sweeper leaves alone what somebody has locked")
    func sweeping() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession([1]), named: self.name)
        let other = try self.lock(fixture)
        let report = try await store.sweep(expiredAt: .distantFuture, budget: 1000)
        #expect(report.isComplete && report.skipped == 1 && report.removed == 0)
        FileLock.unlock(other)
        #expect(try await store.sweep(expiredAt: .distantFuture, budget: 1000).removed == 1)
        #expect(try await store.read(self.name) == nil)
    }

    @Test("the lock of a process that was killed is free")
    func death() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(makeSession(encode(0)), named: self.name)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = fixture.directory as String] in
            let directory = try SecureDirectory.openOrCreate(path)
            let file = try directory.openFile(SessionDirectory.path(of: sessionName(1)))
            let isHeld = try FileLock.tryLock(#require(file))
            #expect(isHeld)
            kill(getpid(), SIGKILL)
        }
        #expect(try await store.increment(self.name, timeout: .zero))
    }
}
