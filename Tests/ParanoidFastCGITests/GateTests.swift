import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("The gate for others")
struct GateTests {
    private let made: SessionApplication

    init() throws {
        self.made = try SessionApplication()
        self.made.app.gate("/gate") { user, request in user != "mallory" || request.parameter("ORIGINAL_URI")?.hasPrefix("/admin") != true }
        self.made.app.post("/login") { request in
            try await request.session.logIn(as: request.form().first(named: "user") ?? "")
            return "in"
        }
    }

    /// A client whose requests nginx asks about.
    private func client() -> TestClient {
        var client = TestClient(self.made.app)
        client.parameters["ORIGINAL_URI"] = "/page"
        return client
    }

    @Test("is not there for a client that asks itself: a script could read cookies in its fields")
    func outside() async throws {
        var client = self.client()
        _ = try await client.post("/login", form: ["user": "anna"])
        client.parameters["ORIGINAL_URI"] = nil
        self.made.time.advance(by: .seconds(3_600))
        let received = try await client.get("/gate")
        #expect(received.status == 404 && !received.response.repeatsCookies)
        #expect(!received.response.lines().contains { $0.lowercased().hasPrefix("x-set-cookie") })
    }

    @Test("is closed for those who are not logged in, and open for those who are")
    func users() async throws {
        var client = self.client()
        let before = try await client.get("/gate")
        #expect(before.status == 401 && before.body.isEmpty)
        _ = try await client.post("/login", form: ["user": "ann \u{FC}"])
        let after = try await client.get("/gate")
        #expect(after.status == 204)
        #expect(after.header(HTTPField.Name("X-Paranoid-User")!) == "ann%20%C3%BC")
        #expect(after.header(.cacheControl) == "no-store")
    }

    @Test("asks the application, which sees what is asked for")
    func admission() async throws {
        var client = self.client()
        _ = try await client.post("/login", form: ["user": "mallory"])
        #expect(try await client.get("/gate").status == 204)
        client.parameters["ORIGINAL_URI"] = "/admin"
        #expect(try await client.get("/gate").status == 403)
    }

    @Test(
        "refuses what another site sends to change something, whoever is logged in",
        arguments: ["POST", "DELETE", "PUT", "nonsense method"]
    )
    func crossSite(_ method: String) async throws {
        var client = self.client()
        _ = try await client.post("/login", form: ["user": "anna"])
        client.parameters["ORIGINAL_METHOD"] = method
        #expect(try await client.get("/gate", headers: ["Sec-Fetch-Site": "cross-site"]).status == 403)
        #expect(try await client.get("/gate", headers: ["Sec-Fetch-Site": "same-origin"]).status == 204)
        client.parameters["ORIGINAL_METHOD"] = "GET"
        #expect(try await client.get("/gate", headers: ["Sec-Fetch-Site": "cross-site"]).status == 204)
    }

    @Test("passes on every cookie, each in a field of its own")
    func cookies() async throws {
        var client = self.client()
        _ = try await client.post("/login", form: ["user": "anna"])
        self.made.time.advance(by: .seconds(3_600))
        let received = try await client.get("/gate")
        let lines = received.response.lines()
        let cookies = lines.filter { $0.hasPrefix("Set-Cookie: ") }.map { String($0.dropFirst("Set-Cookie: ".count)) }
        #expect(cookies.count >= 2)
        for (index, cookie) in cookies.enumerated() { #expect(lines.contains("X-Set-Cookie-\(index + 1): \(cookie)")) }
    }

    @Test("tells an authorizer's web server user and cookies as variables, with status 200")
    func authorizer() async throws {
        var client = self.client()
        _ = try await client.post("/login", form: ["user": "anna"])
        self.made.time.advance(by: .seconds(3_600))
        let received = try await client.get("/gate")
        let answer = received.response.authorizerAnswer(now: HTTPDate(secondsSinceUnixEpoch: 0))
        #expect(answer.status == .ok)
        let names = answer.headerFields.map(\.name.rawName)
        #expect(names.first == "Variable-PARANOID_USER" && names.contains("Variable-SET_COOKIE_2"))
        #expect(names.allSatisfy { $0.hasPrefix("Variable-") })
    }
}

extension Response {
    fileprivate func lines() -> [String] {
        var lines: [String] = []
        self.forEachField(now: HTTPDate(secondsSinceUnixEpoch: 784_111_777)) { lines.append("\($0): \($1)") }
        return lines
    }
}
