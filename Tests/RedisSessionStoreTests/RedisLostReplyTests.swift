#if Redis
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("A change whose reply was lost", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisLostReplyTests {
    /// A change that was carried out and whose reply was lost; what the second try is replied after others have made changes.
    private func outcome(afterOthers others: Int, isCarriedOut: Bool = true) async throws -> (RedisSessionStore.Outcome, payload: [UInt8]) {
        let server = try await RedisServer.shared.get()
        let prefix = "lost-reply-\(others)-\(isCarriedOut)"
        let store = try server.store(prefix: prefix)
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        let current = try #require(try await store.fetch(name))
        var session = current.session
        session.generation += 1
        session.payload = [1]
        let (change, writers) = store.change(of: current, generation: session.generation)
        let command = RedisCommand(
            .commit,
            keys: [store.keys.session(name)],
            values: [current.mark, SessionValue(session, listing: current.listing, writers: writers).bytes, store.lifetime(of: session)]
        )
        if isCarriedOut { #expect(try await store.client.send(command).reply == .integer(1)) }
        for _ in 0..<others { try await countUp(name, in: try server.store(prefix: prefix)) }
        let reply = try await store.client.send(command).reply
        let answer = RedisAnswer(reply: reply, mayHaveHappenedBefore: true)
        let outcome = try await store.outcome(answer, of: change, generation: session.generation, name)
        return (outcome, try #require(try await store.read(name)).payload)
    }

    private func isDone(_ outcome: RedisSessionStore.Outcome) -> Bool { if case .done = outcome { true } else { false } }

    @Test("is found, also when others have changed the session since", arguments: [0, 1, 5, RecentWriters.most - 1])
    func found(others: Int) async throws {
        let (outcome, payload) = try await self.outcome(afterOthers: others)
        #expect(self.isDone(outcome))
        #expect(payload == [UInt8(1 + others)])
    }

    @Test("is not taken for the change of somebody else that looks the same", arguments: [1, 5])
    func notMade(others: Int) async throws {
        let (outcome, payload) = try await self.outcome(afterOthers: others, isCarriedOut: false)
        #expect(!self.isDone(outcome))
        #expect(payload == [UInt8(others)])
    }

    @Test("is reported as unknown when too many others have changed the session since")
    func forgotten() async throws {
        await #expect { try await self.outcome(afterOthers: RecentWriters.most) } throws: {
            ($0 as? SessionStoreError)?.code == .unavailable
        }
    }

    @Test("a session that was made is found as well, and one that another process made is not taken for it")
    func created() async throws {
        let server = try await RedisServer.shared.get()
        let store = try server.store(prefix: "lost-create")
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        let writers = try #require(try await store.fetch(name)).writers
        let own = try #require(writers.entries.first).change
        try await countUp(name, in: try server.store(prefix: "lost-create"))
        let reply = try await store.client.send(RedisCommand("GET", key: store.keys.session(name))).reply
        let answer = RedisAnswer(reply: reply, mayHaveHappenedBefore: true)
        #expect(try await store.wasMade(own, generation: 1, answer, name))
        let other = RecentWriters.Change(writer: own.writer &+ 1, number: own.number)
        #expect(try await !store.wasMade(other, generation: 1, answer, name))
        #expect(try await !store.wasMade(own, generation: 1, RedisAnswer(reply: reply, mayHaveHappenedBefore: false), name))
    }

    // MARK: The list

    private func change(_ writer: UInt64, _ number: UInt32 = 1) -> RecentWriters.Change { .init(writer: writer, number: number) }

    @Test("the list of writers has each once, the youngest last, and forgets those of long ago")
    func list() {
        var writers = RecentWriters()
        for (writer, second) in [(1, 100), (2, 110), (1, 120), (3, 200)] as [(UInt64, UInt32)] {
            writers = writers.adding(self.change(writer, second), generation: UInt64(second), second: second, lifetime: 85)
        }
        #expect(writers.entries.map(\.change.writer) == [1, 3])
        #expect(writers.entries.map(\.second) == [120, 200])
        #expect(writers.trace(of: self.change(1, 120), generation: 120) == .made)
        #expect(writers.trace(of: self.change(1, 121), generation: 121) == .notMade)
        #expect(writers.trace(of: self.change(2, 110), generation: 110) == .notMade)
        // A clock that is behind forgets nobody.
        let behind = writers.adding(self.change(4), generation: 300, second: 10, lifetime: 85)
        #expect(behind.entries.map(\.change.writer) == [1, 3, 4])
    }

    @Test("a writer is remembered for as long as it may ask, also while it waits for others")
    func lifetime() async throws {
        #expect(RecentWriters.lifetime(timeout: .seconds(2), lockTimeout: .seconds(2)) >= 60 + 2 * 2 + 2)
        #expect(RecentWriters.lifetime(timeout: .seconds(Int64.max), lockTimeout: .seconds(Int64.max)) == UInt32(Int32.max))
        let server = try await RedisServer.shared.get()
        var settings = RedisSessionStore.Configuration(address: try RedisAddress(try server.place("writers", timeout: 10)))
        settings.lockTimeout = .seconds(86_400)
        let store = try RedisSessionStore(settings)
        let hourAgo = UInt32(store.now.nanosecondsSinceEpoch / 1_000_000_000) - 3600
        let writers = RecentWriters().adding(self.change(7), generation: 1, second: hourAgo, lifetime: 60)
        let value = SessionValue(try await makeSession([0], in: store), listing: .init(), writers: writers)
        let (own, next) = store.change(of: value, generation: 2)
        #expect(next.entries.map(\.change) == [self.change(7), own])
    }

    @Test("the list says when it cannot know")
    func limit() {
        var writers = RecentWriters()
        for writer in 1...UInt64(RecentWriters.most) {
            writers = writers.adding(self.change(writer), generation: 10 + writer, second: 1, lifetime: 60)
        }
        // Somebody of generation 9 may have been there; of generation 11, not.
        #expect(writers.trace(of: self.change(99), generation: 9) == .forgotten)
        #expect(writers.trace(of: self.change(99), generation: 10) == .forgotten)
        #expect(writers.trace(of: self.change(99), generation: 11) == .notMade)
        writers = writers.adding(self.change(99), generation: 40, second: 1, lifetime: 60)
        #expect(writers.entries.count == RecentWriters.most)
        #expect(writers.trace(of: self.change(1), generation: 11) == .forgotten)
        #expect(writers.trace(of: self.change(99), generation: 40) == .made)
    }

    @Test("values are read with and without writers, and with nothing else")
    func bytes() async throws {
        let server = try await RedisServer.shared.get()
        let session = try await makeSession([1, 2, 3], in: try server.store(prefix: "bytes"))
        var writers = RecentWriters()
        for count in 0...RecentWriters.most + 1 {
            let value = SessionValue(session, listing: .init(until: 7, generation: 9), writers: writers)
            #expect(try SessionValue(value.bytes) == value)
            #expect(value.bytes.count == 96 + 3 + 4 + 20 * min(count, RecentWriters.most) + 16)
            // As it was before the trailer had a version; what scripts compare is what is there.
            let before = Array(value.bytes[..<99] + value.bytes[103...])
            let old = try SessionValue(before)
            #expect(old.bytes == before && old.session == session && old.writers == writers && old.listing == value.listing)
            var newer = value.bytes
            newer[102] = 2
            #expect(throws: SessionValue.Problem.newer) { try SessionValue(newer) }
            #expect(throws: SessionValue.Problem.newer) { try SessionValue(newer + [0]) }
            #expect(throws: SessionValue.Problem.self) { try SessionValue(value.bytes + [0]) }
            #expect(throws: SessionValue.Problem.self) { try SessionValue(Array(value.bytes.dropLast())) }
            writers = writers.adding(self.change(UInt64(count), 1 << 31), generation: 1 << 40, second: .max, lifetime: 60)
        }
        let tooMany = session.encoded + [UInt8](repeating: 0, count: 20 * (RecentWriters.most + 1) + 16)
        #expect(throws: SessionValue.Problem.self) { try SessionValue(tooMany) }
    }
}
#endif
