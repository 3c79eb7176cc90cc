#if Redis
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("A limit of anonymous sessions in Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisAnonymousTests {
    private func store(_ address: String, most: Int = 3) throws -> RedisSessionStore {
        var settings = RedisSessionStore.Configuration(address: try RedisAddress(address))
        settings.maximumAnonymousSessions = most
        return try RedisSessionStore(settings)
    }

    private func fresh(in store: RedisSessionStore, tag: UserTag? = nil, createdAt seconds: Int64 = 1_700_000_000) async throws
        -> StoredSession
    {
        var session = try await makeSession([0], in: store, userTag: tag)
        session.createdAt = Timestamp(secondsSinceEpoch: seconds)
        return session
    }

    private func isFull(_ store: RedisSessionStore) async throws -> Bool {
        let session = try await self.fresh(in: store)
        let name = makeName()
        do throws(SessionStoreError) {
            try await store.create(session, named: name)
        } catch {
            if error.code == .full { return true }
            throw error
        }
        try await store.modify(name, timeout: .seconds(60)) { _ in (.remove, ()) }
        return false
    }

    @Test("holds for all processes, a sweep counts anew, and logins are let in", arguments: [false, true])
    func limit(isCluster: Bool) async throws {
        let prefix = "anonymous-\(isCluster)"
        let place =
            isCluster
            ? try await RedisCluster.shared.get().place(prefix: prefix) : try await RedisServer.shared.get().place(prefix)
        let (one, other) = (try self.store(place), try self.store(place))
        var names: [SessionName] = []
        for number in 0..<3 {
            names.append(makeName())
            let store = number == 1 ? other : one
            try await store.create(try await self.fresh(in: store), named: names[number])
        }
        // What another process has made is known a little later; what this one has made, at once.
        for store in [one, other] { try await eventually("no more are let in") { try await self.isFull(store) } }
        #expect(try await self.isFull(one))
        try await one.create(try await self.fresh(in: one, tag: UserTag(bytes: [UInt8](repeating: 7, count: 16))), named: makeName())
        // One that goes on under a new name is not one that begins.
        let moved = makeName()
        try await one.create(try await self.fresh(in: one, createdAt: 1_600_000_000), named: moved)
        for name in [names[0], names[1], moved] { try await other.modify(name, timeout: .seconds(60)) { _ in (.remove, ()) } }
        // A process that only sweeps finds one left. What was on the way to Redis as it began is counted twice, until the next sweep.
        let sweeper = try self.store(place)
        try await eventually("there is room again") {
            var found = 0
            var isComplete = false
            while !isComplete {
                let report = try await sweeper.sweep(expiredAt: .distantPast, budget: 2)
                (found, isComplete) = (found + report.anonymous, report.isComplete)
            }
            #expect(found == 1)
            return try await !self.isFull(other)
        }
    }

    @Test("one process lets in no more than are allowed, however many come at once")
    func burst() async throws {
        let server = try await RedisServer.shared.get()
        let store = try self.store(try server.place("burst"), most: 20)
        _ = try await store.epoch()
        let made = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    let session = try await self.fresh(in: store)
                    do throws(SessionStoreError) {
                        try await store.create(session, named: makeName())
                    } catch {
                        if error.code == .full { return false }
                        throw error
                    }
                    return true
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 20)
    }

    @Test("a session that was not made does not count")
    func failed() async throws {
        let server = try await RedisServer.shared.get()
        let store = try self.store(try server.place("failed"), most: 3)
        let name = makeName()
        let session = try await self.fresh(in: store)
        try await store.create(session, named: name)
        for _ in 0..<10 {
            await #expect { try await store.create(session, named: name) } throws: { ($0 as? SessionStoreError)?.code == .nameTaken }
        }
        #expect(try await !self.isFull(store))
    }

    @Test("a number that cannot be read is not taken for 0")
    func unreadable() async throws {
        let store = try self.store(try await RedisServer.shared.get().place("unreadable"))
        _ = try await store.client.send(RedisCommand("SET", key: RedisKeys(prefix: "unreadable").anonymous, [[1]]))
        await #expect(throws: SessionStoreError.self) { try await store.anonymous?.made() }
        #expect(AnonymousSessions.made(.error("LOADING")) == nil)
        #expect(AnonymousSessions.made(.array([])) == nil)
        #expect(AnonymousSessions.made(.null) == 0)
        #expect(AnonymousSessions.made(.bytes(Array("-3".utf8))) == 0)
        #expect(AnonymousSessions.made(.bytes(Array("12".utf8))) == 12)
    }

    @Test("costs nothing where there is none")
    func none() async throws {
        let server = try await RedisServer()
        let store = try server.store()
        for _ in 0..<3 { try await store.create(try await makeSession([0], in: store), named: makeName()) }
        while try await !store.sweep(expiredAt: .distantPast, budget: 10).isComplete {}
        #expect(try await server.client().send(RedisCommand("EXISTS", key: RedisKeys(prefix: "test").anonymous)).reply == .integer(0))
    }

    @Test("the numbers are read, also where some are absent")
    func numbers() {
        func count(_ made: RedisReply, _ found: RedisReply, _ before: RedisReply) -> UInt64? {
            AnonymousSessions.count(.array([made, found, before]))
        }
        func number(_ text: String) -> RedisReply { .bytes(Array(text.utf8)) }
        #expect(count(number("12"), number("100"), number("10")) == 102)
        #expect(count(number("7"), .null, .null) == 7)
        #expect(count(.null, .null, .null) == 0)
        // A failover has lost what was made last.
        #expect(count(number("5"), number("100"), number("10")) == 100)
        #expect(AnonymousSessions.count(.array([])) == nil)
        #expect(AnonymousSessions.count(.error("ERR")) == nil)
    }
}
#endif
