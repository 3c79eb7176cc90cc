#if Redis
import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("What a failover can lose", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisFailoverTests {
    private func bytes(_ reply: RedisReply) throws -> [UInt8] { try #require(reply.bytes) }

    @Test("a change counts when a replica has it, and not before")
    func waiting() async throws {
        let ports = try FreePorts.find(2)
        let master = try await RedisServer(port: ports[0])
        let replica = try await RedisServer(port: ports[1], ["--replicaof", "127.0.0.1 \(ports[0])"])
        try await eventually("the replica is up to date") {
            let text = try await replica.reply("INFO", "replication").bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
            return text.contains("master_link_status:up")
        }
        let patient = try RedisSessionStore(.init(address: RedisAddress(try master.place(timeout: 60, "&wait=1"))))
        let name = makeName()
        try await patient.create(try await makeSession([0], in: patient), named: name)
        for count in 1...20 {
            try await countUp(name, in: patient)
            // No time passes between the reply and the look at the replica.
            let key = RedisKeys(prefix: "paranoid").session(name)
            let stored = try SessionValue(try self.bytes(try await replica.client().send(RedisCommand("GET", key: key)).reply))
            #expect(stored.session.payload == [UInt8(count)])
        }
        let other = makeName()
        try await patient.create(try await makeSession([0], in: patient), named: other)
        // Without a replica nothing counts, and reads go on.
        replica.signal(SIGSTOP)
        let hasty = try RedisSessionStore(.init(address: RedisAddress(try master.place(timeout: 2, "&wait=1"))))
        // On a slow machine its time may be over before the change is sent.
        repeat {
            await #expect { try await countUp(name, in: hasty) } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
        } while try await master.store(prefix: "paranoid").fetch(name)?.session.payload == [20]
        #expect(try await master.store(prefix: "paranoid").fetch(name)?.session.payload == [21])
        // One that has waited for the replica all the time is told when it has caught up, and its change is made once.
        async let late: Void = countUp(other, in: patient)
        try await eventually("the master has the change") {
            try await master.store(prefix: "paranoid").fetch(other)?.session.payload == [1]
        }
        replica.signal(SIGCONT)
        try await late
        #expect(try await patient.read(other)?.payload == [1])
        // What ends all sessions waits as well.
        replica.signal(SIGSTOP)
        await #expect { try await hasty.beginEpoch() } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
    }

    @Test("a change is made once, however often it is sent until a replica has it")
    func sentAgain() async throws {
        let ports = try FreePorts.find(2)
        let master = try await RedisServer(port: ports[0])
        let store = try RedisSessionStore(.init(address: RedisAddress(try master.place(timeout: 600, "&wait=1"))))
        let name = makeName()
        let session = try await makeSession([0], in: store)
        async let created: Void = store.create(session, named: name)
        try await eventually("the master has the session") { try await master.store(prefix: "paranoid").fetch(name) != nil }
        // Only now there is a replica.
        let replica = try await RedisServer(port: ports[1], ["--replicaof", "127.0.0.1 \(ports[0])"])
        try await created
        try await countUp(name, in: store)
        try await eventually("the replica has the change") {
            let reply = try await replica.client().send(RedisCommand("GET", key: RedisKeys(prefix: "paranoid").session(name))).reply
            return try reply.bytes.map { try SessionValue($0).session.payload } == [1]
        }
    }

    @Test("a change that others have changed since is not made again when it is sent again")
    func overtaken() async throws {
        let ports = try FreePorts.find(2)
        let master = try await RedisServer(port: ports[0], ["--repl-diskless-sync-delay", "0"])
        let retries = Mutex(0)
        var configuration = try RedisSessionStore.Configuration(address: RedisAddress(try master.place(timeout: 600, "&wait=1")))
        configuration.observe = { event in if case .retried = event { retries.withLock { $0 += 1 } } }
        let patient = try RedisSessionStore(configuration)
        let other = try master.store(prefix: "paranoid")
        let name = makeName()
        try await other.create(try await makeSession([0], in: other), named: name)
        let late = Task { try await countUp(name, in: patient) }
        try await eventually("the master has the change") { try await other.fetch(name)?.session.payload == [1] }
        try await countUp(name, in: other)
        let count = retries.withLock { $0 }
        try await eventually("the change was sent again") { retries.withLock { $0 } > count + 1 }
        let replica = try await RedisServer(port: ports[1], ["--replicaof", "127.0.0.1 \(ports[0])"])
        try await late.value
        #expect(try await other.fetch(name)?.session.payload == [2])
        withExtendedLifetime(replica) {}
    }

    @Test("the mark that is waited for lies in the slot of the keys")
    func mark() {
        let keys = RedisKeys(prefix: "p")
        let name = makeName()
        let command = RedisCommand(.commit, keys: [keys.session(name)], values: [])
        #expect(command.isChange)
        let text = String(decoding: command.encodedMark(), as: UTF8.self)
        #expect(text.contains("\r\np:{\(name.hexadecimal.prefix(3))}:w\r\n"))
        #expect(!RedisCommand("GET", key: keys.session(name)).isChange)
        #expect(!RedisCommand(.loadControl, keys: [keys.control]).isChange)
    }

    @Test("processes that know revocations which Redis has lost give them back, for those that start later")
    func lostNumbers() async throws {
        let server = try await RedisServer()
        let keys = RedisKeys(prefix: "test")
        let tag = try #require(UserTag(bytes: Array(repeating: 7, count: 16)))
        let client = try server.client()
        let store = try server.store()
        let (name, other) = (makeName(), makeName())
        let session = try await makeSession([0], in: store, userTag: tag)
        try await store.create(session, named: name)
        try await store.create(session, named: other)
        let before = try self.bytes(try await client.send(RedisCommand("DUMP", key: keys.control)).reply)
        try await store.endLogins(of: tag, before: try await store.beginLoginEpoch())
        let number = store.loginEpoch
        // As a replica has it that took over before it got the revocation.
        let words = [Array("0".utf8), before, Array("REPLACE".utf8)]
        #expect(try await client.send(RedisCommand("DEL", key: keys.loginEpoch(of: tag))).reply == .integer(1))
        #expect(try await client.send(RedisCommand("RESTORE", key: keys.control, words)).reply == .status("OK"))
        try await eventually("a process that starts now knows of the revocation") {
            let later = try server.store()
            return try await later.read(name) == nil && later.loginEpoch >= number
        }
        try await store.beginEpoch()
        let epoch = try await store.epoch()
        #expect(try await client.send(RedisCommand("RESTORE", key: keys.control, words)).reply == .status("OK"))
        try await eventually("a process that starts now knows the epoch") { try await server.store().epoch() == epoch }
    }

    @Test("an owner whose last changes were lost is served, and is taken for no thief", arguments: 1...4)
    func olderRecord(rotations: Int) async throws {
        let server = try await RedisServer()
        let clock = ManualClock()
        let app = try Application(configuration: .testing(["PARANOID_STORE": try server.place()]), clock: clock)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.get("/user") { request in "\(try await request.session.user ?? "-")" }
        try await app.test { client in
            _ = try await client.post("/login")
            /// Asks now and then for some minutes, as a browser does; the values of its cookies change.
            func browse(_ count: Int) async throws {
                for _ in 0..<count {
                    clock.advance(by: .seconds(15))
                    for _ in 0..<2 {
                        let response = try await client.get("/user")
                        #expect(response.status == 200)
                        #expect(response.text == "ann")
                    }
                }
            }
            try await browse(4)
            let found = try await server.reply("KEYS", "*:s:*").elements?.compactMap(\.bytes) ?? []
            var dumps: [[UInt8]] = []
            for key in found { dumps.append(try self.bytes(try await server.client().send(RedisCommand("DUMP", key: key)).reply)) }
            let cookies = client.cookies
            try await browse(rotations)
            #expect(client.cookies != cookies)
            for (key, dump) in zip(found, dumps) {
                let words = [Array("0".utf8), dump, Array("REPLACE".utf8)]
                #expect(try await server.client().send(RedisCommand("RESTORE", key: key, words)).reply == .status("OK"))
            }
            try await browse(6)
            #expect(try app.sessions.count(of: .reuse) == 0)
            // The rule holds as before: a copy that is used beside its owner is found.
            var thief = client.thief()
            try await browse(4)
            let response = try await thief.get("/user")
            #expect(response.text != "ann")
        }
    }
}
#endif
