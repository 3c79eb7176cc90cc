import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Requests forged by other sites")
struct CSRFTests {
    private static let cart = SessionKey<String>("cart")

    private let made: SessionApplication

    init() throws {
        try self.init { _ in }
    }

    private init(_ change: (inout ApplicationConfiguration) -> Void) throws {
        self.made = try SessionApplication(change)
        let app = self.made.app
        app.add(middleware: CSRFProtection(trustedOrigins: ["https://Pay.example:443/"], exemptPaths: ["/hook"]))
        app.get("/form") { request in try await request.session.csrfToken }
        app.get("/start") { request in
            try await request.session.set(Self.cart, to: "full")
            return try await request.session.csrfToken
        }
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return try await request.session.csrfToken
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return try await request.session.csrfToken
        }
        app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        app.post("/save") { _ in "saved" }
        app.post("/hook/pay") { _ in "hooked" }
        app.post("/hooked") { _ in "hooked" }
        for method in [HTTPRequest.Method.put, .patch, .delete] {
            app.register(ClosureHandler { _ in Response.text("changed") }, method: method, pattern: "/thing")
        }
    }

    private func text(_ client: inout TestClient, _ token: String, _ path: String = "/save") async throws -> String {
        try await client.post(path, form: ["csrf_token": token, "user": "ann"]).text
    }

    @Test("without a token, with a wrong one, or with that of another session, nothing happens")
    func refused() async throws {
        var client = self.made.client()
        var other = self.made.client()
        let mine = try await client.get("/start").text
        let theirs = try await other.get("/start").text
        let wrong = String(repeating: "A", count: 64)
        for (form, status) in [([:], 403), (["user": "ann"], 403), (["csrf_token": wrong], 403), (["csrf_token": theirs], 403)] {
            #expect(try await client.post("/save", form: form).status == status)
        }
        #expect(try await self.text(&client, mine) == "saved")
        #expect(try await client.post("/save", headers: ["X-CSRF-Token": theirs]).status == 403)
        #expect(try await client.post("/save", headers: ["X-CSRF-Token": mine]).text == "saved")
        // A session's identifier is no token.
        let identifier = try #require(client.cookies[self.made.app.configuration.sessions.cookies.sessionCookie])
        #expect(try await self.text(&client, identifier) != "saved")
        for method in [HTTPRequest.Method.put, .patch, .delete] {
            #expect(try await client.send(method, "/thing").status == 403)
            #expect(try await client.send(method, "/thing", headers: ["X-CSRF-Token": mine]).text == "changed")
        }
        #expect(try await client.send(.post, "/save", headers: ["Content-Type": "text/plain"]).status == 403)
    }

    @Test("over HTTP/3, where nginx names no host, what the browser says of itself decides, and an origin alone is refused")
    func withoutHost() async throws {
        var client = self.made.client()
        let token = try await client.get("/start").text
        // The jar of the client goes by the host, so the cookies are given to each request.
        let cookies = client.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        client.parameters["HTTP_HOST"] = nil
        client.parameters["SERVER_PROTOCOL"] = "HTTP/3.0"
        let form = ["csrf_token": token]
        func save(_ headers: [String: String]) async throws -> TestResponse {
            var client = client
            return try await client.post("/save", form: form, headers: headers.merging(["Cookie": cookies]) { $1 })
        }
        #expect(try await save(["Sec-Fetch-Site": "same-origin"]).text == "saved")
        #expect(try await save([:]).text == "saved")
        #expect(try await save(["Origin": "https://shop.example"]).status == 403)
        #expect(try await save(["Sec-Fetch-Site": "cross-site"]).status == 403)
    }

    @Test("tokens of several tabs count in any order, again and again, and after a new identifier")
    func tabs() async throws {
        var client = self.made.client()
        _ = try await client.get("/start")
        var tokens: [String] = []
        for _ in 0..<3 { tokens.append(try await client.get("/form").text) }
        #expect(Set(tokens).count == 3)
        for token in tokens.reversed() { #expect(try await self.text(&client, token) == "saved") }
        let before = client.cookies
        #expect(try await self.text(&client, tokens[0], "/rotate") == "rotated")
        #expect(client.cookies != before)
        for token in tokens { #expect(try await self.text(&client, token) == "saved") }
        self.made.time.advance(by: .seconds(60))
        _ = try await client.get("/form")
        for token in tokens { #expect(try await self.text(&client, token) == "saved") }
    }

    @Test("a login form has a token without a session, costs no file, and no token from before a login counts after it")
    func login() async throws {
        var client = self.made.client()
        let token = try await client.get("/form").text
        #expect(Array(client.cookies.keys) == ["__Host-csrf"])
        #expect(try await client.get("/form").response.cookies.isEmpty)
        // Another site, which has a token and a cookie of its own, makes the browser send the form.
        var attacker = self.made.client()
        let theirs = try await attacker.get("/form").text
        #expect(try await self.text(&client, theirs, "/login") != "ann")
        #expect(client.cookies.count == 1)
        let next = try await client.post("/login", form: ["csrf_token": token])
        #expect(next.status == 200)
        #expect(client.cookies.count == 4)
        #expect(try await self.text(&client, token) != "saved")
        #expect(try await self.text(&client, next.text) == "saved")
        // Logged in again: the token of the first login is over.
        let again = try await client.post("/login", form: ["csrf_token": next.text])
        #expect(try await self.text(&client, next.text) != "saved")
        #expect(try await self.text(&client, again.text) == "saved")
        // The page behind the logout is one with a login form, and no session.
        let out = try await client.post("/logout", form: ["csrf_token": again.text])
        #expect(client.cookies.keys.sorted() == ["__Host-csrf"])
        #expect(try await self.text(&client, again.text) != "saved")
        #expect(try await self.text(&client, out.text) == "saved")
    }

    @Test("a form that was open before an anonymous session began still works")
    func beginsMeanwhile() async throws {
        var client = self.made.client()
        let token = try await client.get("/form").text
        _ = try await client.get("/start")
        #expect(try await self.text(&client, token) == "saved")
    }

    @Test("an escaped slash makes no path exempt, as the router takes it for another path")
    func escapedSlash() async throws {
        self.made.app.post("/{name}") { _ in "reached" }
        var client = self.made.client()
        #expect(try await client.post("/hook/pay").text == "hooked")
        #expect(try await client.post("/h%6Fok/pay").text == "hooked")
        for path in ["/hook%2Fpay", "/hook%2fpay", "/hook%2F"] { #expect(try await client.post(path).status == 403) }
    }

    @Test("over plain HTTP the cookie has no prefix, as browsers would refuse it")
    func plain() async throws {
        let tests = try CSRFTests {
            $0.sessions.guardSettings.isHTTPSOnly = false
            $0.sessions.cookies.isSecure = false
            $0.sessions.cookies.prefix = .none
        }
        var client = tests.made.client()
        client.isSecure = false
        let token = try await client.get("/form").text
        #expect(Array(client.cookies.keys) == ["csrf"])
        #expect(try await self.text(&client, token) == "saved")
        client.cookies["csrf"] = "x" + (client.cookies["csrf"] ?? "").dropFirst()
        #expect(try await self.text(&client, token) != "saved")
    }

    @Test(
        "what the browser says of the page that sends the request is believed",
        arguments: [
            ([:], true), (["Origin": "https://shop.example"], true), (["Origin": "https://SHOP.example:443"], true),
            (["Origin": "http://shop.example"], false), (["Origin": "https://shop.example:8443"], false),
            (["Origin": "https://evil.example"], false), (["Origin": "https://shop.example.evil.example"], false),
            (["Origin": "null"], false), (["Origin": ""], false), (["Origin": "https://pay.example"], true),
            (["Sec-Fetch-Site": "same-origin"], true), (["Sec-Fetch-Site": "none"], true),
            (["Sec-Fetch-Site": "same-site"], false), (["Sec-Fetch-Site": "cross-site"], false),
            (["Sec-Fetch-Site": "Same-Origin"], false), (["Sec-Fetch-Site": ""], false),
            // The proxy has changed the host; the browser knows better.
            (["Sec-Fetch-Site": "same-origin", "Origin": "https://public.example"], true),
            (["Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"], false),
            (["Sec-Fetch-Site": "cross-site", "Origin": "https://pay.example"], true),
        ]
    )
    func origins(_ row: (fields: [String: String], isAdmitted: Bool)) async throws {
        var client = self.made.client()
        let token = try await client.get("/form").text
        let answer = try await client.post("/save", headers: row.fields.merging(["X-CSRF-Token": token]) { given, _ in given })
        #expect(answer.status == (row.isAdmitted ? 200 : 403))
    }

    @Test("exempt paths, and what lies below them, need no token, and refuse other sites; what only begins alike needs one")
    func exempt() async throws {
        var client = self.made.client()
        #expect(try await client.post("/hook/pay").text == "hooked")
        #expect(try await client.post("/hook/pay", headers: ["Origin": "https://pay.example"]).text == "hooked")
        #expect(try await client.post("/hook/pay", headers: ["Origin": "https://evil.example"]).status == 403)
        #expect(try await client.post("/hooked").status == 403)
        #expect(try await client.get("/form").status == 200)
    }
}
