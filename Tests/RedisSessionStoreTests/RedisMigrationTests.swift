#if Redis
import FileSessionStore
import Foundation
import Logging
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

/// A session directory and a part of a Redis, between which sessions move.
private struct Places: Sendable {
    enum Direction: String, CaseIterable, Sendable {
        case toRedis, toFiles
    }

    let directory = NSTemporaryDirectory() + "paranoid-move-\(UInt64.random(in: 0 ... .max))"
    let prefix = "move-\(UInt64.random(in: 0 ... .max))"
    let direction: Direction
    let server: RedisServer

    init(_ direction: Direction, _ server: RedisServer) {
        self.direction = direction
        self.server = server
    }

    func files() throws -> FileSessionStore {
        try FileSessionStore(
            configuration: .init(directory: self.directory, maximumPayloadSize: 1 << 20, maximumWaiters: 1000),
            logger: Logger(label: "move")
        )
    }

    func redis(makesNumbers: Bool = false) throws -> RedisSessionStore {
        var settings = RedisSessionStore.Configuration(address: try RedisAddress(try self.server.place(self.prefix)))
        settings.makesNumbers = makesNumbers
        return try RedisSessionStore(settings)
    }

    func old(makesNumbers: Bool = true) throws -> any MovableSessionStore {
        switch self.direction {
        case .toRedis: try self.files()
        case .toFiles: try self.redis(makesNumbers: makesNumbers)
        }
    }

    func new() throws -> any MovableSessionStore {
        switch self.direction {
        case .toRedis: try self.redis()
        case .toFiles: try self.files()
        }
    }

    /// As one process has it.
    func both() throws -> MigratingSessionStore {
        let files = try self.files()
        let redis = try self.redis()
        switch self.direction {
        case .toRedis: return MigratingSessionStore(to: redis, from: files, locks: files, timeout: .seconds(600))
        case .toFiles: return MigratingSessionStore(to: files, from: redis, locks: files, timeout: .seconds(600))
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: self.directory) }
}

/// A store whose sessions begin in the old place and move with their first change.
private final class BeginsInOldStore: SessionStore {
    let old: any MovableSessionStore
    let both: MigratingSessionStore

    init(_ places: Places) throws {
        self.old = try places.old()
        self.both = try places.both()
    }

    func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? { try await self.both.read(name) }

    func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        guard try await self.both.read(name) == nil else { throw SessionStoreError(.nameTaken, message: "taken") }
        try await self.old.create(session, named: name)
    }

    func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result { try await self.both.modify(name, timeout: timeout, body) }

    func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        try await self.both.quarantine(name, generation: generation)
    }

    func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] { try await self.both.names(ofUser: tag) }
    func epoch() async throws(SessionStoreError) -> UInt64 { try await self.both.epoch() }
    func beginEpoch() async throws(SessionStoreError) { try await self.both.beginEpoch() }
    var loginEpoch: UInt64 { self.both.loginEpoch }
    func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 { try await self.both.beginLoginEpoch() }
    func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        try await self.both.endLogins(of: tag, before: epoch)
    }
    func reindex() async throws(SessionStoreError) -> Int { try await self.both.reindex() }
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.both.sweep(expiredAt: now, budget: budget)
    }
}

@Suite("Sessions that move between files and Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisMigrationTests {
    private typealias Direction = Places.Direction

    private func makePlaces(_ direction: Places.Direction) async throws -> Places {
        let places = Places(direction, try await RedisServer.shared.get())
        // The old store has been in use.
        _ = try await places.old().epoch()
        try await places.both().prepare()
        return places
    }

    private func count(_ name: SessionName, in store: any SessionStore) async throws {
        try await store.modify(name, timeout: .seconds(600)) { current in
            guard var next = current else { return (.keep, ()) }
            next.generation += 1
            next.payload[0] &+= 1
            return (.write(next), ())
        }
    }

    private func makeSession(in store: any SessionStore, userTag: UserTag? = nil, loginEpoch: UInt64 = 0) async throws -> StoredSession {
        StoredSession(
            protection: .sealed,
            secretNumber: 1,
            handle: SessionHandle("0123456789abcdef")!,
            epoch: try await store.epoch(),
            loginEpoch: loginEpoch,
            generation: 1,
            createdAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
            writtenAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
            expiresAt: Timestamp(secondsSinceEpoch: 4_000_000_000),
            userTag: userTag,
            payload: [0]
        )
    }

    @Test("both stores together keep every promise", arguments: Places.Direction.allCases, SessionStoreConformance.Check.allCases)
    fileprivate func conforms(_ direction: Places.Direction, _ check: SessionStoreConformance.Check) async throws {
        let places = try await self.makePlaces(direction)
        defer { places.remove() }
        try await SessionStoreConformance { try places.both() }.run(check)
    }

    @Test(
        "both stores together keep every promise to sessions that began in the old one",
        arguments: Places.Direction.allCases,
        // Of those who create in the old store nobody knows of the new one.
        SessionStoreConformance.Check.allCases.filter { $0 != .creationRace }
    )
    fileprivate func conformsFromOld(_ direction: Places.Direction, _ check: SessionStoreConformance.Check) async throws {
        let places = try await self.makePlaces(direction)
        defer { places.remove() }
        try await SessionStoreConformance { try BeginsInOldStore(places) }.run(check)
    }

    @Test("all sessions move while others change them, and no change is lost", arguments: Places.Direction.allCases)
    fileprivate func whileServing(_ direction: Places.Direction) async throws {
        let places = try await self.makePlaces(direction)
        defer { places.remove() }
        let old = try places.old()
        let tag = try #require(UserTag(bytes: Array(repeating: 3, count: 16)))
        let names = (0..<40).map { _ in makeName() }
        let session = try await self.makeSession(in: old, userTag: tag)
        for name in names { try await old.create(session, named: name) }
        let stores = try (0..<3).map { _ in try places.both() }
        let rounds = 5
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores {
                group.addTask {
                    for _ in 0..<rounds { for name in names { try await self.count(name, in: store) } }
                }
            }
            group.addTask {
                let report = try await places.both().moveAll()
                #expect(report.left == 0)
            }
            try await group.waitForAll()
        }
        let new = try places.new()
        for name in names {
            #expect(try await new.read(name)?.payload == [UInt8(3 * rounds)])
            #expect(try await old.read(name) == nil)
        }
        #expect(try await Set(new.names(ofUser: tag)) == Set(names))
        // One more time finds nothing.
        #expect(try await places.both().moveAll() == .init())
    }

    @Test("what a death in the middle of a move leaves behind never comes back", arguments: Places.Direction.allCases)
    fileprivate func interrupted(_ direction: Places.Direction) async throws {
        let places = try await self.makePlaces(direction)
        defer { places.remove() }
        let old = try places.old()
        let new = try places.new()
        let both = try places.both()
        for isMovedLater in [false, true] {
            let name = makeName()
            let session = try await self.makeSession(in: old)
            try await old.create(session, named: name)
            // As far as the dead one came.
            #expect(try await new.adopt(session, named: name))
            #expect(try await !new.adopt(session, named: name))
            try await self.count(name, in: both)
            #expect(try await both.read(name)?.payload == [1])
            if isMovedLater {
                #expect(try await both.moveAll() == .init(moved: 1))
                #expect(try await both.read(name)?.payload == [1])
            }
            try await both.modify(name, timeout: .seconds(600)) { _ in (.remove, ()) }
            #expect(try await old.read(name) == nil)
            #expect(try await both.read(name) == nil)
        }
    }

    @Test("a revocation ends what has moved and what has not", arguments: Places.Direction.allCases)
    fileprivate func revocations(_ direction: Places.Direction) async throws {
        let places = try await self.makePlaces(direction)
        defer { places.remove() }
        let old = try places.old()
        let both = try places.both()
        let tags = try [5, 6].map { try #require(UserTag(bytes: Array(repeating: $0, count: 16))) }
        let login = old.loginEpoch
        var names: [[SessionName]] = []
        for tag in tags {
            let mine = (0..<2).map { _ in makeName() }
            for name in mine { try await old.create(try await self.makeSession(in: old, userTag: tag, loginEpoch: login), named: name) }
            #expect(try await both.move(mine[0]))
            names.append(mine)
        }
        #expect(both.loginEpoch >= login)
        try await both.endLogins(of: tags[0], before: try await both.beginLoginEpoch())
        for name in names[0] { #expect(try await both.read(name) == nil) }
        for name in names[1] { #expect(try await both.read(name) != nil) }
        try await both.beginEpoch()
        for name in names[1] { #expect(try await both.read(name) == nil) }
        // Nothing of it moves, and another process still finds both stores alike.
        #expect(try await places.both().moveAll().moved == 0)
        let next = makeName()
        try await both.create(try await self.makeSession(in: both), named: next)
        #expect(try await places.both().read(next) != nil)
    }

    @Test("the way back is open, and nobody is logged out by it")
    func back() async throws {
        let places = try await self.makePlaces(.toRedis)
        defer { places.remove() }
        let name = makeName()
        let session = try await self.makeSession(in: places.old())
        try await places.old().create(session, named: name)
        #expect(try await places.both().moveAll() == .init(moved: 1))
        // Without the old store, as the application runs from then on.
        let redis = try places.redis(makesNumbers: true)
        #expect(try await redis.read(name) == session)
        _ = try await redis.beginLoginEpoch()
        try await redis.beginEpoch()
        let later = makeName()
        let next = try await self.makeSession(in: redis)
        try await redis.create(next, named: later)
        let files = try places.files()
        let back = MigratingSessionStore(to: files, from: redis, locks: files, timeout: .seconds(600))
        try await back.prepare()
        #expect(try await back.moveAll() == .init(moved: 1))
        #expect(try await places.files().read(later) == next)
        #expect(try await places.files().read(name) == nil)
    }

    @Test("users log in during and after a move from files in which nobody was revoked, and a revocation after the way back finds them")
    func logins() async throws {
        let places = try await self.makePlaces(.toRedis)
        defer { places.remove() }
        #expect(try places.files().loginEpoch == 0)
        let both = try places.both()
        try await eventually("a login is possible during the move") { both.loginEpoch > 0 }
        let login = both.loginEpoch
        let redis = try places.redis(makesNumbers: true)
        try await eventually("a login is possible after the move") { redis.loginEpoch > 0 }
        let tag = try #require(UserTag(bytes: Array(repeating: 8, count: 16)))
        let name = makeName()
        try await both.create(try await self.makeSession(in: both, userTag: tag, loginEpoch: login), named: name)
        let files = try places.files()
        let back = MigratingSessionStore(to: files, from: redis, locks: files, timeout: .seconds(600))
        try await back.prepare()
        #expect(try await back.moveAll() == .init(moved: 1))
        #expect(try await files.read(name) != nil)
        try await files.endLogins(of: tag, before: try await files.beginLoginEpoch())
        #expect(try await files.read(name) == nil)
    }

    @Test("stores that count differently are refused, before anybody is logged out")
    func unprepared() async throws {
        let server = try await RedisServer.shared.get()
        let places = Places(.toRedis, server)
        defer { places.remove() }
        let name = makeName()
        try await places.old().create(try await self.makeSession(in: places.old()), named: name)
        func isRefused(_ error: any Error) -> Bool { (error as? SessionStoreError)?.code == .refused }
        // Not prepared: nothing in Redis is made, and nothing moves.
        await #expect { try await places.both().read(name) } throws: { isRefused($0) }
        await #expect { try await places.both().move(name) } throws: { isRefused($0) }
        #expect(try await places.redis().numbers() == nil)
        // Redis was used for itself: its numbers are times.
        _ = try await places.redis(makesNumbers: true).epoch()
        await #expect { try await places.both().read(name) } throws: { isRefused($0) }
        await #expect { try await places.both().prepare() } throws: { isRefused($0) }
        #expect(try await places.old().read(name) != nil)
        // A Redis with sessions of its own.
        let taken = Places(.toRedis, server)
        defer { taken.remove() }
        let redis = try taken.redis(makesNumbers: true)
        try await redis.create(try await self.makeSession(in: redis), named: makeName())
        await #expect { try await taken.both().prepare() } throws: { isRefused($0) }
    }

    @Test("a session that reaches Redis late is refused by it")
    func late() async throws {
        let server = try await RedisServer.shared.get()
        let keys = RedisKeys(prefix: "late-move")
        let name = makeName()
        let command = RedisCommand(
            .adopt,
            keys: [keys.session(name), keys.all(beside: name)],
            values: [[1], Array("1000".utf8), name.bytes, Array("5".utf8)]
        )
        #expect(try await server.client().send(command).reply == .integer(0))
        #expect(try await server.client().send(RedisCommand("GET", key: keys.session(name))).reply == .null)
    }

    @Test("an application goes on with its users while they move to Redis and back", arguments: ["profile paranoid"])
    func application(_ profile: String) async throws {
        let server = try await RedisServer()
        let directory = NSTemporaryDirectory() + "paranoid-move-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let hits = SessionKey<Int>("hits")
        let shared = ["PARANOID_SESSION_DIR": "\(directory)/sessions", "PARANOID_SECRET_FILE": "\(directory)/secret"]
        let redis = try server.place()
        var cookies: [String: String] = [:]
        var expected = 0
        func serve(_ settings: [String: String]) async throws {
            let app = try Application(configuration: .testing(shared.merging(settings) { $1 }))
            app.post("/login") { request in
                try await request.session.logIn(as: "ann")
                return "in"
            }
            app.get("/hits") { request in
                let count = try await request.session.update(hits, default: 0) { hits in
                    hits += 1
                    return hits
                }
                return "\(try await request.session.user ?? "-") \(count)"
            }
            try await app.test { client in
                client.cookies = cookies
                if expected == 0 { _ = try await client.post("/login") }
                for _ in 0..<3 {
                    expected += 1
                    #expect(try await client.get("/hits").text == "ann \(expected)")
                }
                cookies = client.cookies
                // Another browser, at each stage.
                client.cookies = [:]
                #expect(try await client.post("/login").text == "in")
            }
        }
        func migration(_ from: String, _ to: String) throws -> SessionMigration {
            var configuration = try ApplicationConfiguration.testing(shared)
            try configuration.move(from: from, to: to)
            return try SessionMigration(configuration: configuration)
        }
        try await serve([:])
        try await migration("files", redis).prepare()
        try await serve(["PARANOID_STORE": redis, "PARANOID_STORE_FROM": "files"])
        #expect(try await migration("files", redis).run().left == 0)
        try await serve(["PARANOID_STORE": redis])
        try await migration(redis, "files").prepare()
        try await serve(["PARANOID_STORE_FROM": redis])
        #expect(try await migration(redis, "files").run().left == 0)
        server.end()
        try await serve([:])
    }
}
#endif
