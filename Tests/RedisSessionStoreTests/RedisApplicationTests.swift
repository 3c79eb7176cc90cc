#if Redis
import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("An application whose sessions are in Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisApplicationTests {
    private static let hits = SessionKey<Int>("hits")

    private func application(_ server: RedisServer, _ settings: [String: String] = [:]) throws -> Application {
        let store = ["PARANOID_STORE": try server.place(timeout: 3)]
        let app = try Application(configuration: .testing(settings.merging(store) { $1 }))
        app.post("/login") { request in
            try await request.session.logIn(as: "ann@example.org")
            return "in"
        }
        app.get("/hits") { request in
            let count = try await request.session.update(Self.hits, default: 0) { hits in
                hits += 1
                return hits
            }
            return "\(count)"
        }
        app.get("/user") { request in "\(try await request.session.user ?? "-")" }
        return app
    }

    @Test("serves, and the user's sessions end when they are revoked")
    func serves() async throws {
        let server = try await RedisServer()
        let app = try self.application(server)
        try await app.test { client in
            let login = try await client.post("/login")
            #expect(login.status == 200)
            for count in 1...3 {
                let hits = try await client.get("/hits")
                #expect(hits.text == "\(count)")
            }
            let before = try await client.get("/user")
            #expect(before.text == "ann@example.org")
            _ = try await app.sessions.revokeAll(user: "ann@example.org")
            let after = try await client.get("/user")
            #expect(after.text == "-")
        }
    }

    @Test("answers 503 with Retry-After and without a cookie while Redis is away, and logs nobody out by that")
    func away() async throws {
        let server = try await RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
        let app = try self.application(server)
        try await app.test { client in
            _ = try await client.post("/login")
            server.end()
            for _ in 0..<6 {
                let response = try await client.get("/user")
                #expect(response.status == 503)
                #expect(response.header(.retryAfter) != nil)
                #expect(response.header(.setCookie) == nil)
            }
            try await server.restart()
            try await eventually("the application serves again") { try await client.get("/user").status == 200 }
            let response = try await client.get("/user")
            #expect(response.text == "ann@example.org")
        }
    }

    @Test("limits the rate of requests for all processes of a host together")
    func rateLimit() async throws {
        let server = try await RedisServer.shared.get()
        let app = try self.application(server)
        app.add(middleware: app.rateLimit(1, per: .seconds(3600)))
        try await app.test { client in
            let first = try await client.get("/user")
            let second = try await client.get("/user")
            #expect(first.status == 200 && second.status == 429)
        }
        #expect(FileManager.default.fileExists(atPath: "\(app.configuration.sessionDirectory)/rate-0"))
    }

    @Test("the doctor says what is wrong with the server, and names no password")
    func doctor() async throws {
        let server = try await RedisServer()
        let doctor = Doctor(try .testing(["PARANOID_STORE": try server.place()]))
        func problems() async -> [String] { await doctor.storeFindings().map(\.change) }
        #expect(await problems() == ["appendonly yes"])
        _ = try await server.reply("CONFIG", "SET", "appendonly", "yes")
        _ = try await server.reply("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        #expect(await problems() == ["maxmemory-policy noeviction"])
        server.end()
        let findings = await doctor.storeFindings()
        #expect(findings.map(\.gravity) == [.error])
        #expect(!"\(findings)".contains(RedisServer.password))
        #expect(await Doctor(try .testing()).storeFindings().isEmpty)
    }

    @Test("the doctor judges what a server says of itself")
    func health() {
        var health = RedisHealth(info: "# Server\r\nredis_version:5.0.3\r\nmaxmemory_policy:volatile-lru\r\naof_enabled:0\r\n")
        health.clockLead = -61
        #expect(health.version == "5.0.3")
        #expect(Doctor.findings(of: health, "h").map(\.gravity) == [.error, .error, .warning, .warning])
        var good = RedisHealth(info: "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nother\r\n")
        good.clockLead = 60
        #expect(Doctor.findings(of: good, "h").isEmpty)
    }

    @Test("the user with the printed rights can do nothing to other keys, and nothing to the server")
    func leastPrivilege() async throws {
        let server = try await RedisServer()
        // The stores of all tests are such users.
        let client = try RedisClient(try RedisAddress(try server.place("shop")))
        #expect(try await client.send(RedisCommand(["GET", "shop:{1}:x"])).reply == .null)
        let denied = [
            ["GET", "other"], ["GET", "shopping:1"], ["FLUSHALL"], ["KEYS", "*"], ["SCAN", "0"], ["CONFIG", "GET", "*"], ["MONITOR"],
            ["ACL", "LIST"], ["CLUSTER", "RESET"], ["SHUTDOWN"], ["SUBSCRIBE", "x"], ["SCRIPT", "FLUSH"],
        ]
        for words in denied {
            guard case .error(let text) = try await client.send(RedisCommand(words)).reply else {
                Issue.record("\(words) is allowed")
                continue
            }
            #expect(text.hasPrefix("NOPERM"))
        }
        let wrong = try RedisClient(try RedisAddress("redis+unix://user-of-shop:falsch@\(server.socket)"))
        await #expect(throws: RedisFailure.self) { try await wrong.send(RedisCommand(["PING"])) }
        #expect(RedisAccess.rule(user: "a b", prefix: "p") == nil)
    }
}
#endif
