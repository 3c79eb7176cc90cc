import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("Logging in and out")
struct LoginTests {
    private static let cart = SessionKey<String>("cart")
    private static let next = SessionKey<String>("next")

    private let made: SessionApplication

    init() throws {
        self.made = try SessionApplication()
        let app = self.made.app
        func register(_ path: String, _ body: @escaping @Sendable (Session) async throws -> Void) {
            app.post(path) { request in
                try await body(request.session)
                return "done"
            }
        }
        register("/login") { try await $0.logIn(as: "ann") }
        register("/login-keeping-cart") { try await $0.logIn(as: "ann", keeping: .only(["cart"])) }
        register("/login-keeping-nothing") { try await $0.logIn(as: "ann", keeping: .none) }
        register("/login-bob") { try await $0.logIn(as: "bob") }
        register("/login-remembered") { try await $0.logIn(as: "ann", level: .remembered) }
        register("/step-up") { try await $0.stepUp(to: .secondFactor) }
        register("/again") { try await $0.stepUp(to: .password) }
        register("/step-down") { try await $0.stepDown(to: .password) }
        register("/not-up") { try await $0.stepDown(to: .phishingResistant) }
        register("/transfer") { try await $0.requireFreshLogin(within: .seconds(300)) }
        register("/admin") { try await $0.require(.secondFactor) }
        register("/fill") { session in
            try await session.set(Self.cart, to: "full")
            try await session.set(Self.next, to: "https://evil.example/")
        }
        register("/logout") { try await $0.logOut() }
        register("/logout-clearing") { try await $0.logOut(clearing: [.storage, .cache]) }
        app.get("/state") { request in
            let session = request.session
            return try await "\(session.user ?? "-") \(session.level.map { "\($0.rawValue)" } ?? "-") \(session.value(Self.cart) ?? "-")"
                + " \(session.value(Self.next) ?? "-")"
        }
    }

    private func sessionCookie(_ client: TestClient) -> String? {
        client.cookies[session: self.made.app.configuration.sessions.cookies.sessionCookie]
    }

    private func secondCookie(_ client: TestClient) -> String? {
        client.cookies[session: self.made.app.configuration.sessions.cookies.secondCookie]
    }

    @Test("a login takes over what an anonymous session held, or only what is named, or nothing")
    func keeping() async throws {
        for (path, held) in [
            ("/login", "full https://evil.example/"), ("/login-keeping-cart", "full -"), ("/login-keeping-nothing", "- -"),
        ] {
            var client = self.made.client()
            _ = try await client.post("/fill")
            let planted = client
            #expect(try await client.post(path).text == "done")
            #expect(try await client.get("/state").text == "ann 10 \(held)")
            #expect(self.sessionCookie(client) != self.sessionCookie(planted))
            // Whoever planted the session is not in it, and learns nothing that came later.
            var attacker = planted
            #expect(try await attacker.get("/state").text == "- - - -")
        }
    }

    @Test("values of one user never go over to another")
    func otherUser() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        _ = try await client.post("/fill")
        _ = try await client.post("/login")
        #expect(try await client.get("/state").text == "ann 10 full https://evil.example/")
        _ = try await client.post("/login-bob")
        #expect(try await client.get("/state").text == "bob 10 - -")
    }

    @Test("the level rises by a step-up only, which replaces identifier and second key, and may fall")
    func levels() async throws {
        var client = self.made.client()
        #expect(try await client.post("/admin").status == 401)
        #expect(try await client.post("/step-up").status == 401)
        _ = try await client.post("/login")
        let refused = try await client.post("/admin")
        #expect(refused.status == 403)
        _ = try await client.post("/not-up")
        #expect(try await client.get("/state").text == "ann 10 - -")
        let before = client
        #expect(try await client.post("/step-up").text == "done")
        #expect(self.sessionCookie(client) != self.sessionCookie(before))
        #expect(self.secondCookie(client) != self.secondCookie(before))
        #expect(try await client.post("/admin").text == "done")
        var stale = before
        #expect(try await stale.post("/admin").status == 401)
        _ = try await client.post("/again")
        #expect(try await client.get("/state").text == "ann 20 - -")
        _ = try await client.post("/step-down")
        #expect(try await client.post("/admin").status == 403)
        #expect(try await client.get("/state").text == "ann 10 - -")
    }

    @Test("what needs a fresh login is refused when the proof is old, only a browser was remembered, or a clock was set back")
    func freshness() async throws {
        var client = self.made.client()
        let nobody = try await client.post("/transfer")
        #expect(nobody.status == 401)
        #expect(nobody.header(.wwwAuthenticate) != nil)
        _ = try await client.post("/login")
        #expect(try await client.post("/transfer").status == 200)
        self.made.time.advance(by: .seconds(301))
        #expect(try await client.post("/transfer").status == 403)
        _ = try await client.post("/again")
        #expect(try await client.post("/transfer").status == 200)
        self.made.time.advance(by: .seconds(-60))
        #expect(try await client.post("/transfer").status == 403)
        _ = try await client.post("/login-remembered")
        #expect(try await client.post("/transfer").status == 403)
        _ = try await client.post("/again")
        #expect(try await client.post("/transfer").status == 200)
    }

    @Test("a logout ends the session on the server and deletes its cookies with the attributes they were set with")
    func logout() async throws {
        var client = self.made.client()
        let login = try await client.post("/login")
        let set = Dictionary(uniqueKeysWithValues: login.response.cookies.map { ($0.name, $0) })
        #expect(set.count == 3)
        var copy = client
        let answer = try await client.post("/logout-clearing")
        #expect(client.cookies.isEmpty)
        #expect(answer.response.cookies.count == 3)
        for cookie in answer.response.cookies {
            let original = try #require(set[cookie.name])
            #expect(cookie.maxAge == .zero && cookie.value.isEmpty)
            #expect((cookie.path, cookie.domain, cookie.secure) == (original.path, original.domain, original.secure))
            #expect((cookie.httpOnly, cookie.sameSite) == (original.httpOnly, original.sameSite))
        }
        #expect(answer.response.headerFields.first { $0.name.canonicalName == "clear-site-data" }?.value == "\"cache\", \"storage\"")
        #expect(answer.header(.cacheControl) == "no-store")
        #expect(try await copy.get("/state").text == "- - - -")
        var plain = self.made.client()
        _ = try await plain.post("/login")
        let quiet = try await plain.post("/logout")
        #expect(!quiet.response.headerFields.contains { $0.name.canonicalName == "clear-site-data" })
    }
}
