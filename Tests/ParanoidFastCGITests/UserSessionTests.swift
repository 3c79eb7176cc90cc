import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("Users and their sessions")
struct UserSessionTests {
    private static let cart = SessionKey<[String]>("cart")

    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func makeApp(_ change: (inout ApplicationConfiguration) -> Void = { _ in }) throws -> Application {
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        change(&configuration)
        let app = try Application(configuration: configuration, logger: .silent)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann", device: SessionDevice(label: request.parameters.text(of: "HTTP_USER_AGENT") ?? "-"))
            return "in"
        }
        app.get("/user") { request in try await request.session.user ?? "nobody" }
        app.get("/list") { request in
            try await request.session.list().map { "\($0.device?.label ?? "?")\($0.isCurrent ? "*" : "")" }.joined(separator: " ")
        }
        app.post("/revoke-others") { request in "\(try await request.session.revokeOthers())" }
        app.post("/revoke-first") { request in
            let first = try await request.session.list()[0]
            return "\(try await request.session.revoke(first.handle))"
        }
        app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        app.get("/cart") { request in try await (request.session.value(Self.cart) ?? []).joined(separator: ",") }
        app.post("/add") { request in
            let item = String(decoding: try await request.body.collect(), as: UTF8.self)
            try await request.session.merge(Self.cart, default: []) { $0.append(item) }
            return "added"
        }
        app.post("/set") { request in
            let item = String(decoding: try await request.body.collect(), as: UTF8.self)
            do {
                try await request.session.set(Self.cart, to: [item])
                return "set"
            } catch let error as SessionError {
                return error.description
            }
        }
        app.post("/deep") { request in
            var value = Nested(inner: nil)
            for _ in 0..<40 { value = Nested(inner: [value]) }
            do {
                try await request.session.set(SessionKey<Nested>("deep"), to: value)
                return "set"
            } catch let error as SessionError {
                return error.description
            }
        }
        return app
    }

    private struct Nested: Codable, Sendable {
        var inner: [Nested]?
    }

    @Test("a user sees all sessions by what was noted of the devices, and ends the others")
    func devices() async throws {
        let app = try self.makeApp()
        var clients = ["Phone", "Laptop", "Tablet"].map { TestClient(app, agent: $0) }
        for index in clients.indices { #expect(try await clients[index].post("/login").text == "in") }
        #expect(try await clients[1].get("/list").text == "Phone Laptop* Tablet")
        #expect(try await clients[1].post("/revoke-first").text == "true")
        #expect(try await clients[0].get("/user").text == "nobody")
        #expect(try await clients[1].post("/revoke-others").text == "1")
        #expect(try await clients[2].get("/user").text == "nobody")
        #expect(try await clients[1].get("/list").text == "Laptop*")
        #expect(try await clients[1].post("/revoke-first").text == "true")
        #expect(clients[1].cookies.isEmpty)
        var anonymous = TestClient(app, agent: "Phone")
        #expect(try await anonymous.get("/list").text == "")
    }

    @Test("from outside, by the same files: a user's sessions are listed and ended, and those of everybody at once")
    func outside() async throws {
        let app = try self.makeApp()
        var clients = ["Phone", "Laptop"].map { TestClient(app, agent: $0) }
        for index in clients.indices { _ = try await clients[index].post("/login") }
        let administration = try SessionAdministration(configuration: app.configuration)
        let list = try await administration.list(user: "ann")
        #expect(list.map { $0.device?.label } == ["Phone", "Laptop"])
        #expect(try await administration.revoke(list[0].handle, of: "ann"))
        #expect(try await clients[0].get("/user").text == "nobody")
        #expect(try await administration.reindex() == 0)
        try await administration.revokeEveryone()
        #expect(try await clients[1].get("/user").text == "nobody")
        // That session, and what was left of the first one.
        #expect(try await administration.sweep().removed == 2)
        #expect(try await clients[1].post("/login").text == "in")
        #expect(try await clients[1].get("/user").text == "ann")
        #expect(try await administration.revokeAll(user: "ann") == 1)
    }

    @Test("the end of all sessions of a user reaches a login and a step-up that are under way, and not what asks for it")
    func underWay() async throws {
        let app = try self.makeApp()
        let administration = app.sessions
        // The password has been checked; it is changed before the login is there.
        app.post("/slow-login") { request in
            _ = try await administration.revokeAll(user: "ann")
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.post("/slow-step-up") { request in
            try await request.session.stepUp(to: .secondFactor)
            _ = try await administration.revokeAll(user: "ann")
            return "up"
        }
        app.post("/new-password") { request in
            try await request.session.stepUp(to: .secondFactor)
            let count = try await request.session.revokeOthers()
            try await request.session.stepUp(to: .phishingResistant)
            return "\(count)"
        }
        app.post("/login-after") { request in
            try await request.session.logIn(as: "ann")
            _ = try await request.session.revokeOthers()
            try await request.session.logIn(as: "ann")
            return "in"
        }
        var browser = TestClient(app, agent: "A")
        #expect(try await browser.post("/slow-login").text == "in")
        #expect(try await browser.get("/user").text == "nobody")
        #expect(try await browser.post("/login").text == "in")
        #expect(try await browser.post("/slow-step-up").status == 409)
        #expect(try await browser.get("/user").text == "nobody")

        #expect(try await browser.post("/login").text == "in")
        var other = TestClient(app, agent: "B")
        #expect(try await other.post("/login").text == "in")
        #expect(try await browser.post("/new-password").text == "1")
        #expect(try await browser.get("/user").text == "ann")
        #expect(try await other.get("/user").text == "nobody")
        #expect(try await other.post("/login-after").text == "in")
        #expect(try await other.get("/user").text == "ann")
        #expect(try await browser.get("/user").text == "nobody")
    }

    @Test("one login too many ends the oldest session, or is refused", arguments: SessionLimit.Policy.allCases)
    func limit(_ policy: SessionLimit.Policy) async throws {
        let app = try self.makeApp {
            $0.sessionsPerUser = 2
            $0.sessionsPerUserPolicy = policy
        }
        var clients = ["A", "B", "C"].map { TestClient(app, agent: $0) }
        for index in 0..<2 { _ = try await clients[index].post("/login") }
        let third = try await clients[2].post("/login")
        #expect(third.status == (policy == .refuse ? 403 : 200))
        var users: [String] = []
        for index in clients.indices { users.append(try await clients[index].get("/user").text) }
        #expect(users == (policy == .refuse ? ["ann", "ann", "nobody"] : ["nobody", "ann", "ann"]))
        // Who is in already is not one more.
        #expect(try await clients[1].post("/login").status == 200)
    }

    @Test(
        "a session that is withheld counts for no limit: its user logs in, in the same browser or another",
        arguments: SessionLimit.Policy.allCases
    )
    func withheldAndLimited(_ policy: SessionLimit.Policy) async throws {
        let made = try SessionApplication {
            $0.sessionsPerUser = 1
            $0.sessionsPerUserPolicy = policy
        }
        made.app.post("/login") { request in
            try await request.session.logIn(as: "ann", device: SessionDevice(label: "Phone"))
            return "in"
        }
        made.app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        made.app.get("/user") { request in try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue)" }
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        var ann = TestClient(made.app, agent: agent)
        #expect(try await ann.post("/login").text == "in")
        // Another program of the same device: withheld from it alone.
        var moved = ann
        moved.userAgent = "curl/8"
        #expect(try await moved.get("/user").text == "nobody challenged")
        #expect(try await moved.post("/login").text == "in")
        #expect(try await moved.get("/user").text == "ann accepted")
        // A copied jar: withheld from all who hold it.
        var thief = moved
        made.time.advance(by: .seconds(13))
        _ = try await moved.post("/rotate")
        _ = try await moved.get("/user")
        made.time.advance(by: .seconds(60))
        #expect(try await thief.get("/user").text == "nobody challenged")
        #expect(try await moved.get("/user").text == "nobody challenged")
        let listed = try await made.app.sessions.list(user: "ann")
        #expect(listed.map(\.isWithheld) == [true] && listed[0].device == SessionDevice(label: "Phone"))
        var other = TestClient(made.app, agent: agent)
        #expect(try await other.post("/login").text == "in")
        #expect(try await other.get("/user").text == "ann accepted")
        // Now there is one that counts, and a withheld one that the browser would get back.
        #expect(try await moved.post("/login").status == (policy == .refuse ? 403 : 200))
        #expect(try await moved.get("/user").text == (policy == .refuse ? "nobody challenged" : "ann accepted"))
    }

    @Test("a request that still shows the identifier from before a rotation is served, changes what it should, and is told no nonce")
    func overlap() async throws {
        let app = try self.makeApp()
        var browser = TestClient(app, agent: "A")
        _ = try await browser.post("/add", .bytes("one".utf8))
        var late = browser
        #expect(try await browser.post("/rotate").text == "rotated")
        #expect(browser.cookies[session: "__Host-sessionid"] != late.cookies[session: "__Host-sessionid"])
        #expect(try await browser.get("/cart").text == "one")
        let before = late.cookies
        #expect(try await late.post("/add", .bytes("two".utf8)).text == "added")
        #expect(late.cookies[session: "__Host-sessionnonce"] == before[session: "__Host-sessionnonce"])
        #expect(try await browser.get("/cart").text == "one,two")
    }

    @Test("a rotation whose answer was lost locks nobody out: the old identifier leads on, and is told the new one, until that is shown")
    func lostRotation() async throws {
        let app = try self.makeApp()
        var browser = TestClient(app, agent: "A")
        _ = try await browser.post("/add", .bytes("one".utf8))
        let shown = browser.cookies[session: "__Host-sessionid"]
        var lost = browser
        for _ in 0..<3 {
            lost = browser
            #expect(try await lost.post("/rotate").text == "rotated")
        }
        #expect(try await browser.get("/cart").text == "one")
        #expect(browser.cookies[session: "__Host-sessionid"] != shown)
        #expect(browser.cookies[session: "__Host-sessionid"] == lost.cookies[session: "__Host-sessionid"])
        #expect(try await browser.get("/cart").text == "one")
    }

    @Test("what a refused request gets is a choice: no session, or 403", arguments: GuardSettings.Refusal.allCases)
    func refusal(_ refusal: GuardSettings.Refusal) async throws {
        let app = try self.makeApp { $0.sessions.guardSettings.refusal = refusal }
        var browser = TestClient(app, agent: "A")
        _ = try await browser.post("/login")
        var thief = browser
        thief.cookies[session: "__Host-sessionnonce"] = nil
        let shown = thief.cookies
        let answer = try await thief.get("/user")
        #expect(answer.status == (refusal == .forbid ? 403 : 200))
        #expect(answer.text == (refusal == .forbid ? "Forbidden\n" : "nobody"))
        #expect(thief.cookies == shown)
        #expect(try await browser.get("/user").text == "ann")
    }

    @Test("nobody gets into a login with the identifier from before it, not for a moment")
    func loginLeavesNothing() async throws {
        let app = try self.makeApp { $0.sessions.guardSettings.nonceTimeout = nil }
        var browser = TestClient(app, agent: "A")
        _ = try await browser.post("/add", .bytes("one".utf8))
        var planted = browser
        #expect(try await browser.post("/login").text == "in")
        #expect(try await planted.get("/user").text == "nobody")
        #expect(try await browser.get("/user").text == "ann")
    }

    @Test("a session ended in the overlap is ended under its old identifier, too")
    func endInOverlap() async throws {
        let app = try self.makeApp { $0.sessions.guardSettings.nonceTimeout = nil }
        var browser = TestClient(app, agent: "A")
        _ = try await browser.post("/login")
        var late = browser
        _ = try await browser.post("/rotate")
        #expect(try await late.get("/user").text == "ann")
        #expect(try await browser.post("/revoke-first").text == "true")
        #expect(try await late.get("/user").text == "nobody")
    }

    @Test("what is too large or too deep is refused when it is set, and the session stays as it was")
    func limits() async throws {
        let app = try self.makeApp { configuration in
            configuration.sessions.valueLimits.valueByteCount = 1000
            configuration.sessions.valueLimits.sessionByteCount = 1500
        }
        var browser = TestClient(app, agent: "A")
        #expect(try await browser.post("/set", .bytes("x".utf8)).text == "set")
        #expect(
            try await browser.post("/set", .bytes(String(repeating: "y", count: 1000).utf8)).text == SessionError.valueTooLarge.description
        )
        #expect(try await browser.post("/deep").text == SessionError.valueTooDeep.description)
        // A change that is made at the commit fails the request that asked for it.
        #expect(try await browser.post("/add", .bytes(String(repeating: "z", count: 1000).utf8)).status == 500)
        #expect(try await browser.get("/cart").text == "x")
    }

    @Test("a whole value that overwrites another request's is counted")
    func conflicts() async throws {
        let app = try self.makeApp { $0.sessions.guardSettings.nonceTimeout = nil }
        let gate = Barrier()
        app.post("/slow-set") { request in
            _ = try await request.session.value(Self.cart)
            await gate.wait()
            try await request.session.set(Self.cart, to: ["slow"])
            return "set"
        }
        var browser = TestClient(app, agent: "A")
        _ = try await browser.post("/set", .bytes("first".utf8))
        #expect(try app.sessions.conflicts == 0)
        var slow = browser
        async let answer = slow.post("/slow-set")
        await gate.arrival()
        _ = try await browser.post("/set", .bytes("second".utf8))
        gate.open()
        _ = try await answer
        #expect(try app.sessions.conflicts == 1)
        #expect(try await browser.get("/cart").text == "slow")
    }

    @Test("a new secret logs nobody out, and workers that started before it know what it names; without the old one its sessions are over")
    func secrets() async throws {
        let old = try self.makeApp()
        var ann = TestClient(old, agent: "A")
        _ = try await ann.post("/login")
        #expect(try old.configuration.serverSecretNumbers() == [1])
        #expect(try old.configuration.addServerSecret() == 2)
        #expect(try old.configuration.serverSecretNumbers() == [2, 1])
        let new = try self.makeApp()
        var bob = TestClient(new, agent: "B")
        _ = try await bob.post("/login")
        ann.application = new
        bob.application = old
        #expect(try await ann.get("/user").text == "ann")
        #expect(try await bob.get("/user").text == "ann")
        #expect(try await bob.get("/list").text == "A B*")
        try old.configuration.removeServerSecret(1)
        #expect(throws: ConfigurationError.self) { try old.configuration.removeServerSecret(2) }
        #expect(throws: ConfigurationError.self) { try old.configuration.removeServerSecret(7) }
        let newest = try self.makeApp()
        ann.application = newest
        bob.application = newest
        #expect(try await ann.get("/user").text == "nobody")
        #expect(try await bob.get("/user").text == "ann")
    }
}
