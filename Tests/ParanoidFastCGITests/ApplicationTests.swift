import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("An application in one process")
struct ApplicationTests {
    private let directory: TemporaryDirectory
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.sessions.uncheckedPathPrefixes = ["/open"]
        self.app = try Application(configuration: configuration, logger: .silent)
        let hits = SessionKey<Int>("hits")
        self.app.get("/hello") { _ in "hello\n" }
        self.app.get("/hit") { request in
            let count = try await request.session.update(hits, default: 0) { hits in
                hits += 1
                return hits
            }
            return "\(count)"
        }
        self.app.get("/peek") { request in
            let count = try await request.session.value(hits) ?? 0
            return "\(count) \(try await request.session.guardVerdict.rawValue)"
        }
        self.app.get("/open/peek") { request in
            let count = try await request.session.value(hits) ?? 0
            return "\(count)"
        }
        self.app.get("/open/hit") { request in
            try await request.session.set(hits, to: 1)
            return "set"
        }
        self.app.get("/set-and-fail") { request -> String in
            try await request.session.set(hits, to: 1000)
            throw HTTPError.conflict
        }
        self.app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        self.app.post("/open/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        self.app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        self.app.get("/user") { request in try await request.session.user ?? "nobody" }
        self.app.get("/reserved") { request in
            try await request.session.set(SessionKey<Int>("PARANOID_SESSION_DATA"), to: 1)
            return "never"
        }
        self.app.get("/split") { _ in Response.redirect(to: "/\r\nSet-Cookie: a=b") }
        self.app.post("/echo") { request in Response(body: .bytes(try await request.body.collect())) }
    }

    private func client() -> TestClient { TestClient(self.app) }

    @Test("answers without a session where none is asked for, and sets no cookie")
    func noSession() async throws {
        var client = self.client()
        #expect(try await client.get("/hello").text == "hello\n")
        #expect(try await client.get("/peek").text == "0 none")
        #expect(client.cookies.isEmpty)
    }

    @Test("counts for one client and not for another")
    func counting() async throws {
        var ann = self.client()
        var bob = self.client()
        #expect(try await ann.get("/hit").text == "1")
        #expect(try await ann.get("/hit").text == "2")
        #expect(try await bob.get("/hit").text == "1")
        #expect(try await ann.get("/peek").text == "2 accepted")
        #expect(Set(ann.cookies.keys) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
    }

    @Test("refuses a copied client under another user agent, and the owner goes on")
    func thief() async throws {
        var ann = self.client()
        _ = try await ann.get("/hit")
        var thief = ann.thief()
        thief.userAgent = "curl"
        #expect(try await thief.get("/peek").text == "0 challenged")
        // What it stores is gone with the request, and the cookies stay the owner's.
        #expect(try await thief.get("/hit").text == "1")
        #expect(try await thief.get("/hit").text == "1")
        #expect(thief.cookies == ann.cookies)
        #expect(try await ann.get("/peek").text == "1 accepted")
    }

    @Test("gives the thief of a client nothing after the owner has logged in anew", arguments: ["/login", "/open/login"])
    func login(_ path: String) async throws {
        var ann = self.client()
        _ = try await ann.get("/hit")
        var thief = ann
        #expect(try await ann.post(path).text == "in")
        #expect(ann.cookies[session: "__Host-sessionid"] != thief.cookies[session: "__Host-sessionid"])
        #expect(ann.cookies[session: "__Host-sessionid_https"] != thief.cookies[session: "__Host-sessionid_https"])
        #expect(try await ann.get("/user").text == "ann")
        #expect(try await thief.get("/user").text == "nobody")
        #expect(try await ann.get("/user").text == "ann")
        #expect(try await ann.get("/peek").text == "1 accepted")
    }

    @Test("ends a session on the server at logout")
    func logout() async throws {
        var ann = self.client()
        _ = try await ann.post("/login")
        let copy = ann
        #expect(try await ann.post("/logout").text == "out")
        #expect(ann.cookies.isEmpty)
        var thief = copy
        #expect(try await thief.get("/user").text == "nobody")
    }

    @Test("demands the second key over HTTPS")
    func secureKey() async throws {
        var ann = self.client()
        _ = try await ann.get("/hit")
        ann.cookies[session: "__Host-sessionid_https"] = nil
        #expect(try await ann.get("/peek").text == "0 rejected")
    }

    @Test("does not check the paths that are excepted")
    func unchecked() async throws {
        var ann = self.client()
        _ = try await ann.get("/hit")
        var other = ann
        other.userAgent = "curl"
        #expect(try await other.get("/open/peek").text == "1")
        #expect(try await ann.get("/peek").text == "1 accepted")
    }

    @Test(
        "keeps scripts and plain HTTP from all its cookies, on unchecked paths too",
        arguments: ["/hit", "/open/hit"]
    )
    func attributes(_ path: String) async throws {
        var client = self.client()
        let response = try await client.get(path).response
        #expect(Set(response.cookies.map(\.name)) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
        for cookie in response.cookies {
            #expect(cookie.httpOnly && cookie.path == "/" && cookie.domain == nil && cookie.sameSite == .lax)
            #expect(cookie.secure)
            #expect(cookie.maxAge == .seconds(1_209_600))
        }
    }

    @Test("forgets what a handler has set when it fails")
    func failure() async throws {
        var ann = self.client()
        _ = try await ann.get("/hit")
        #expect(try await ann.get("/set-and-fail").status == 409)
        #expect(try await ann.get("/peek").text == "1 accepted")
    }

    @Test("keeps the guard's own data from the application")
    func reserved() async throws {
        var client = self.client()
        #expect(try await client.get("/reserved").status == 500)
    }

    @Test("refuses control bytes in a redirection with a plain 500")
    func splitting() async throws {
        var client = self.client()
        #expect(try await client.get("/split").text == "Internal Server Error\n")
    }

    @Test(
        "answers 400 to parameters that cannot be a request",
        arguments: [("HTTP_X_A", "a\u{0}b"), ("HTTP_X_A", "a\nb"), ("CONTENT_LENGTH", "5"), ("BAD NAME", "x")]
    )
    func malformed(_ name: String, _ value: String) async throws {
        var client = self.client()
        client.parameters[name] = value
        #expect(try await client.post("/echo", .bytes([1, 2])).status == 400)
    }

    @Test(
        "takes a cookie that cannot be ours for no session",
        arguments: ["../../etc/passwd", "", "x", String(repeating: "A", count: 44), String(repeating: "B", count: 10_000)]
    )
    func invalidCookie(_ value: String) async throws {
        var client = self.client()
        client.cookies["__Host-sessionid"] = value
        #expect(try await client.get("/peek").text == "0 none")
    }

    @Test("finds its own among several session cookies, whatever their order")
    func duplicates() async throws {
        var ann = self.client()
        _ = try await ann.get("/hit")
        let field = ann.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        let other = "__Host-sessionid=" + String(repeating: "A", count: 44)
        for cookie in ["\(field); \(other)", "\(other); \(field)"] {
            var empty = self.client()
            #expect(try await empty.get("/peek", headers: ["Cookie": cookie]).text == "1 accepted")
        }
        let unknown = "__Host-sessionid=" + String(repeating: "B", count: 44)
        var empty = self.client()
        #expect(try await empty.get("/peek", headers: ["Cookie": "\(other); \(unknown)"]).text == "0 none")
        for cookie in ["\(field); __Host-sessionid=bad", "__Host-sessionid=bad; \(field)"] {
            var empty = self.client()
            #expect(try await empty.get("/peek", headers: ["Cookie": cookie]).text == "1 accepted")
        }
    }

    @Test("answers 413 to a body over the limit")
    func bodyLimit() async throws {
        var client = self.client()
        #expect(try await client.post("/echo", .bytes([UInt8](repeating: 1, count: 2 << 20))).status == 200)
        #expect(try await client.post("/echo", .bytes([UInt8](repeating: 1, count: (2 << 20) + 1))).status == 413)
    }
}
