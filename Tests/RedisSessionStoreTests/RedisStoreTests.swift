#if Redis
import Foundation
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("The store in Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisStoreTests {
    /// How often the server has run a command since its counters were set to zero.
    private func calls(_ command: String, on server: RedisServer) async throws -> Int {
        let text = try await server.reply("INFO", "commandstats").bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_\(command):calls=") }
        return line.flatMap { Int($0.dropFirst("cmdstat_\(command):calls=".count).prefix { $0.isNumber }) } ?? 0
    }

    @Test("asks once for a read and once for the change that follows it")
    func roundTrips() async throws {
        let server = try await RedisServer()
        let store = try server.store()
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        try await countUp(name, in: store)
        _ = try await server.reply("CONFIG", "RESETSTAT")
        for _ in 0..<50 {
            _ = try await store.read(name)
            try await countUp(name, in: store)
        }
        #expect(try await store.read(name)?.payload == [51])
        #expect(try await self.calls("evalsha", on: server) == 50)
        // The script looks once at what it replaces.
        #expect(try await self.calls("get", on: server) == 51 + 50)
        #expect(try await self.calls("set", on: server) == 50)
        for command in ["keys", "scan", "eval", "hgetall"] { #expect(try await self.calls(command, on: server) == 0) }
    }

    @Test("a sweep reads the heads of sessions that stay, and whole only what has expired")
    func sweepOfHeads() async throws {
        let server = try await RedisServer()
        let store = try server.store()
        let payload = [UInt8](repeating: 7, count: 100_000)
        for number in 0..<20 {
            let expiresAt = number < 15 ? store.now.advanced(by: .seconds(10_000)) : store.now.advanced(by: .seconds(1))
            try await store.create(try await makeSession(payload, in: store, expiresAt: expiresAt), named: makeName())
        }
        _ = try await server.reply("CONFIG", "RESETSTAT")
        var report = SweepReport()
        while !report.isComplete { report.add(try await store.sweep(expiredAt: store.now.advanced(by: .seconds(100)), budget: 7)) }
        #expect(report.live == 15 && report.anonymous == 15 && report.removed == 5 && report.examined == 20)
        #expect(try await self.calls("getrange", on: server) == 20)
        // Each once to remove it, and once by the script that compares it.
        #expect(try await self.calls("get", on: server) == 10)
    }

    @Test("goes on after the server has forgotten the scripts")
    func forgottenScripts() async throws {
        let server = try await RedisServer()
        let store = try server.store()
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        for _ in 0..<3 {
            _ = try await server.reply("SCRIPT", "FLUSH")
            try await countUp(name, in: store)
        }
        #expect(try await store.read(name)?.payload == [3])
    }

    @Test("keeps a session until an hour after its expiry, and a user's list longer")
    func lifetimes() async throws {
        let server = try await RedisServer.shared.get()
        let store = try server.store(prefix: "lifetimes")
        let keys = RedisKeys(prefix: "lifetimes")
        let tag = try #require(UserTag(bytes: Array(repeating: 7, count: 16)))
        let name = makeName()
        let soon = store.now.advanced(by: .seconds(10_000))
        try await store.create(try await makeSession([0], in: store, expiresAt: soon, userTag: tag), named: name)
        func rest(_ key: [UInt8]) async throws -> Int64 {
            guard case .integer(let rest) = try await store.client.send(RedisCommand("PTTL", key: key)).reply else { return -3 }
            return rest
        }
        let session = try await rest(keys.session(name))
        #expect(KeyLifetime.slack < session && session <= KeyLifetime.slack + 10_000_000)
        let list = try await rest(keys.sessions(of: tag))
        #expect(KeyLifetime.listSlack < list && list <= KeyLifetime.listSlack + 10_000_000)
        // A session that goes on for longer than its list is listed anew by the change that says so.
        let later = store.now.advanced(by: .seconds(40 * 86_400))
        try await store.modify(name, timeout: .seconds(60)) { current in
            guard var next = current else { return (.keep, ()) }
            next.generation += 1
            next.expiresAt = later
            return (.write(next), ())
        }
        #expect(try await rest(keys.sessions(of: tag)) > list + 30 * 86_400_000)
    }

    @Test("a name that is taken from a user's list late leaves what a later change has listed")
    func lateUnlisting() async throws {
        let server = try await RedisServer.shared.get()
        let store = try server.store(prefix: "late")
        let tag = try #require(UserTag(bytes: Array(repeating: 9, count: 16)))
        let name = makeName()
        try await store.create(try await makeSession([0], in: store, userTag: tag), named: name)
        let first = try #require(try await store.fetch(name)?.listing)
        for next in [nil, tag] {
            try await store.modify(name, timeout: .seconds(60)) { current in
                guard var session = current else { return (.keep, ()) }
                session.generation += 1
                session.userTag = next
                return (.write(session), ())
            }
        }
        // As a process does that was held up after its change.
        await store.unlist(name, tag, first)
        #expect(try await store.names(ofUser: tag) == [name])
    }

    @Test("reports bytes that are no session once and sets them aside")
    func damage() async throws {
        let server = try await RedisServer.shared.get()
        let store = try server.store(prefix: "damage")
        let keys = RedisKeys(prefix: "damage")
        for bytes in [Array("nonsense".utf8), [], [UInt8](repeating: 0, count: 300)] {
            let name = makeName()
            _ = try await store.client.send(RedisCommand("SET", key: keys.session(name), [bytes]))
            await #expect(throws: SessionStoreError.self) { try await store.read(name) }
            #expect(try await store.read(name) == nil)
            #expect(try await store.client.send(RedisCommand("GET", key: keys.aside(name))).reply == .bytes(bytes))
        }
    }

    @Test("goes on with a session whose trailer has no version")
    func formBefore() async throws {
        let store = try await RedisServer.shared.get().store(prefix: "before")
        let name = makeName()
        let bytes = SessionValue(try await makeSession([1], in: store), listing: .init()).bytes
        let before = Array(bytes[..<97] + bytes[101...])
        _ = try await store.client.send(RedisCommand("SET", key: RedisKeys(prefix: "before").session(name), [before]))
        try await countUp(name, in: store)
        #expect(try await store.read(name)?.payload == [2])
    }

    @Test("does not touch a session that a newer version has written", arguments: [3, 100])
    func newerForm(_ version: Int) async throws {
        let server = try await RedisServer.shared.get()
        let store = try server.store(prefix: "newer")
        let name = makeName()
        var bytes = SessionValue(try await makeSession([1], in: store), listing: .init()).bytes
        // Of the head, and of what stands behind the payload.
        bytes[version] = 200
        _ = try await store.client.send(RedisCommand("SET", key: RedisKeys(prefix: "newer").session(name), [bytes]))
        await #expect { try await store.read(name) } throws: { ($0 as? SessionStoreError)?.code == .refused }
        #expect(try await store.client.send(RedisCommand("GET", key: RedisKeys(prefix: "newer").session(name))).reply == .bytes(bytes))
    }

    @Test("ends all sessions when the numbers that count for all are lost")
    func lostControl() async throws {
        let server = try await RedisServer.shared.get()
        let store = try server.store(prefix: "lost")
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        #expect(try await store.read(name) != nil)
        _ = try await store.client.send(RedisCommand("DEL", key: RedisKeys(prefix: "lost").control))
        try await eventually("the session is gone") { try await store.read(name) == nil }
        // One that begins now stays.
        let next = makeName()
        try await store.create(try await makeSession([0], in: store), named: next)
        #expect(try await server.store(prefix: "lost").read(next) != nil)
    }

    @Test("says so when the server is away, and goes on when it is back")
    func restart() async throws {
        let server = try await RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
        let store = try server.store(timeout: 3)
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        try await countUp(name, in: store)
        server.end()
        for _ in 0..<5 {
            await #expect { try await store.read(name) } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
            await #expect { try await countUp(name, in: store) } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
        }
        try await eventually("a login would be refused") { store.loginEpoch == 0 }
        try await server.restart()
        try await eventually("the store reads again") { (try? await store.read(name))??.payload == [1] }
        try await eventually("a login is possible again") { store.loginEpoch > 0 }
        try await countUp(name, in: store)
        #expect(try await store.read(name)?.payload == [2])
    }

    @Test("gives up when the server hangs, and never makes a change twice")
    func pause() async throws {
        let server = try await RedisServer()
        let store = try server.store(timeout: 2)
        let name = makeName()
        try await store.create(try await makeSession([0], in: store), named: name)
        _ = try await store.read(name)
        server.signal(SIGSTOP)
        await #expect { try await countUp(name, in: store) } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
        server.signal(SIGCONT)
        // Whether the change was made is not known, but it was not made twice.
        try await eventually("the store reads again") { (try? await store.read(name)) != nil }
        let payload = try #require(try await store.read(name)?.payload)
        #expect(payload == [0] || payload == [1])
    }

    @Test("is full when the server has no memory left, and what was stored is intact")
    func full() async throws {
        let server = try await RedisServer(["--maxmemory-policy", "noeviction"])
        let store = try server.store()
        let name = makeName()
        try await store.create(try await makeSession([5], in: store), named: name)
        _ = try await server.reply("CONFIG", "SET", "maxmemory", "1")
        await #expect { try await countUp(name, in: store) } throws: { ($0 as? SessionStoreError)?.code == .full }
        let other = try await makeSession([1], in: store)
        await #expect { try await store.create(other, named: makeName()) } throws: { ($0 as? SessionStoreError)?.code == .full }
        _ = try await server.reply("CONFIG", "SET", "maxmemory", "0")
        #expect(try await store.read(name)?.payload == [5])
    }

    @Test("refuses a payload that is too large, and an address that it cannot serve")
    func refused() async throws {
        let server = try await RedisServer.shared.get()
        let store = try RedisSessionStore(.init(address: RedisAddress(try server.place("large")), maximumPayloadSize: 10))
        let large = try await makeSession([UInt8](repeating: 0, count: 11), in: store)
        await #expect { try await store.create(large, named: makeName()) } throws: { ($0 as? SessionStoreError)?.code == .tooLarge }
        #expect {
            try RedisSessionStore(.init(address: RedisAddress("rediss://h")))
        } throws: {
            ($0 as? SessionStoreError)?.code == .refused
        }
    }

    @Test("those of a process who change one session take turns, and who cannot wait is told")
    func turns() async throws {
        let client = try RedisClient(try RedisAddress("redis+unix:/nonexistent"))
        let turns = SessionTurns(client: client, most: 2)
        let name = makeName()
        try await turns.take(name, timeout: 0)
        await #expect { try await turns.take(name, timeout: 0) } throws: { ($0 as? SessionStoreError)?.code == .lockTimeout }
        await #expect { try await turns.take(name, timeout: 1) } throws: { ($0 as? SessionStoreError)?.code == .lockTimeout }
        turns.give(name)
        try await turns.take(name, timeout: 0)
        turns.give(name)
        try await turns.take(makeName(), timeout: 0)
    }

    @Test("no command is sent for an operation whose time is over")
    func noTimeLeft() async throws {
        let store = try await RedisServer.shared.get().store(prefix: "late")
        let name = makeName()
        await #expect { try await store.fetch(name, by: 1) } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
        await #expect(throws: RedisFailure.away("no time is left")) {
            _ = try await store.client.send(RedisCommand(.raiseUser, keys: [Array("late:{x}:e".utf8)], values: [Array("7".utf8)]), by: 1)
        }
        #expect(try await store.client.send(RedisCommand("GET", key: Array("late:{x}:e".utf8))).reply == .null)
    }

    @Test("a store that is closed leaves nobody waiting")
    func closed() async throws {
        let server = try await RedisServer.shared.get()
        for _ in 0..<20 {
            let store = try server.store(prefix: "closed")
            #expect(try await store.read(makeName()) == nil)
        }
        let client = try RedisClient(try RedisAddress("redis+unix:/nonexistent?timeout=600"))
        for _ in 0..<5 { await #expect(throws: RedisFailure.self) { try await client.send(RedisCommand(["PING"])) } }
    }
}
#endif
