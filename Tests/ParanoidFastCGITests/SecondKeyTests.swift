import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("The second key of a session")
struct SecondKeyTests {
    private static let names = ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"]
    private static let key = "__Host-sessionid_https"

    private let made: SessionApplication

    init() throws {
        self.made = try SessionApplication()
        let app = self.made.app
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        for method in [HTTPRequest.Method.get, .post] {
            app.on(method, "/visit") { request in
                try await request.session.update(SessionKey<Int>("visits"), default: 0) { $0 += 1 }
                return "visited"
            }
            app.on(method, "/user") { request in try await request.session.user ?? "nobody" }
            app.on(method, "/lifetime") { request in
                try await request.session.setLifetime(.idle(.seconds(3600)))
                return "set"
            }
        }
    }

    /// What a client may leave out or get wrong.
    private static let flaws = (0..<8).map { bits in names.indices.filter { bits & 1 << $0 != 0 }.map { names[$0] } }

    @Test(
        "is told only to a request that shows it, or gets it new",
        arguments: ["/visit", "/user", "/rotate", "/lifetime", "/login"],
        [true, false]
    )
    func told(_ path: String, isLoggedIn: Bool) async throws {
        var owner = TestClient(self.made.app, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        _ = try await owner.post(isLoggedIn ? "/login" : "/visit")
        var refreshed = 0
        for seconds in [1, 20, 400] {
            self.made.time.advance(by: .seconds(seconds))
            let secret = try #require(owner.cookies[session: Self.key])
            // A login with everything ends the session, and gets a new key.
            for missing in Self.flaws where !(missing.isEmpty && path == "/login") {
                for wrong in [nil, "A"] {
                    for (agent, isSecure) in [(owner.userAgent, true), ("curl/8", true), (owner.userAgent, false)] {
                        var client = owner
                        client.userAgent = agent
                        client.isSecure = isSecure
                        // A text of the same length that is another one.
                        for name in missing {
                            client.cookies[session: name] = wrong.map { String(repeating: $0, count: name == Self.names[1] ? 32 : 44) }
                        }
                        let shown = client.cookies
                        _ = try await client.post(path)
                        let isTold = client.cookies.values.contains(secret) && !shown.values.contains(secret)
                        #expect(!isTold, "without \(missing), \(wrong ?? "nothing") in their place, over \(isSecure ? "HTTPS" : "HTTP")")
                        if client.cookies != shown { refreshed += 1 }
                    }
                }
            }
            _ = try await owner.get("/user")
        }
        #expect(refreshed > 0)
    }
}
