import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("What a web server says of the time of a request")
struct HostileArrivalTests {
    private static let visits = SessionKey<Int>("visits")

    /// By the system's clock, which believes the web server.
    private func makeApp() throws -> Application {
        let app = try Application(configuration: .testing(), logger: .silent)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.get("/visit") { request in
            let visits = try await request.session.update(Self.visits, default: 0) { visits in
                visits += 1
                return visits
            }
            return try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue) \(visits)"
        }
        return app
    }

    @Test(
        "throws nobody out and stops no worker, however wrong it is",
        arguments: [
            ("99999999999.999", "0.000"), ("99999999999.999", "99999999999.999"), ("0.000", "99999999999.999"),
            ("00000000000.000", "0.000"),
            ("1700000000.000", "1700000000.001"), ("1.7e9", "1e3"), ("1700000000", "1"), ("-700000000.000", "-1.000"), ("", ""),
            ("9223372036.854", "0.000"), ("4102444800.000", "0.000"), ("1600000000.000", "100000.000"), ("nonsense", "nonsense"),
        ]
    )
    func forged(_ began: String, _ taken: String) async throws {
        var ann = TestClient(try self.makeApp(), agent: "A")
        #expect(try await ann.post("/login").text == "in")
        ann.parameters["REQUEST_BEGAN"] = began
        ann.parameters["REQUEST_TAKEN"] = taken
        for visit in 1...3 { #expect(try await ann.get("/visit").text == "ann accepted \(visit)") }
        ann.parameters["REQUEST_BEGAN"] = nil
        #expect(try await ann.get("/visit").text == "ann accepted 4")
        ann.parameters["REQUEST_TAKEN"] = nil
        #expect(try await ann.get("/visit").text == "ann accepted 5")
    }

    @Test("counts once, where it comes twice: the first value, as everywhere", arguments: [true, false])
    func doubled(_ isForgedFirst: Bool) async throws {
        let app = try self.makeApp()
        var ann = TestClient(app, agent: "A")
        #expect(try await ann.post("/login").text == "in")
        let field = ann.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        let forged = [("REQUEST_BEGAN", "99999999999.999"), ("REQUEST_TAKEN", "0.001")]
        let other = [("REQUEST_BEGAN", "0.001"), ("REQUEST_TAKEN", "0.000")]
        let request = InProcessRequest(
            method: .get,
            path: "/visit",
            parameters: [("REMOTE_ADDR", "192.0.2.1"), ("HTTP_USER_AGENT", "A"), ("HTTPS", "on"), ("HTTP_COOKIE", field)]
                + (isForgedFirst ? forged + other : other + forged),
            body: []
        )
        let response = try await app.respond(to: request)
        guard case .bytes(let bytes) = response.body.content else { throw TextMissing() }
        #expect(String(decoding: bytes, as: UTF8.self) == "ann accepted 1")
    }

    private struct TextMissing: Error {}
}

@Suite("A token to be remembered by, in a request that was sent long ago")
struct LateTokenTests {
    private static let cookie = "__Host-remember"

    @Test(
        "is no theft, and no login, where nobody knows whether it was good when it was sent; one within the bound is proof",
        arguments: [(121, false), (100_000, false), (119, true), (0, true)]
    )
    func late(_ age: Int, _ isProof: Bool) async throws {
        let clock = LateClock()
        let app = try Application(configuration: .testing(), logger: .silent, clock: clock)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "\(try await request.session.rememberMe())"
        }
        app.get("/") { request in
            _ = try await request.session.logInIfRemembered()
            return try await request.session.user ?? "nobody"
        }
        var owner = TestClient(app, agent: "A")
        #expect(try await owner.post("/login").text == "true")
        /// The browser was closed, and only the token is left.
        func reopened(_ client: TestClient) -> TestClient {
            var client = client
            client.cookies = client.cookies.filter { $0.key == Self.cookie }
            return client
        }
        let first = reopened(owner)
        for _ in 0..<3 {
            clock.advance(by: 400)
            owner = reopened(owner)
            #expect(try await owner.get("/").text == "ann")
        }
        // An upload that began before all that.
        var upload = first
        upload.parameters["TEST_AGE"] = "\(age)"
        #expect(try await upload.get("/").text == "nobody")
        #expect(try app.sessions.count(of: .tokenReuse) == (isProof ? 1 : 0))
        owner = reopened(owner)
        clock.advance(by: 400)
        #expect(try await owner.get("/").text == (isProof ? "nobody" : "ann"))
    }
}
