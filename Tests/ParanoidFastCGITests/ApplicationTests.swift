import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("An application in one process")
struct ApplicationTests {
    /// Cookies by name, as a browser keeps them.
    private struct Jar {
        var cookies: [String: String] = [:]

        /// The field in which a browser sends them.
        var field: String { self.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ") }
    }

    private let directory: TemporaryDirectory
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.sessions.uncheckedPathPrefixes = ["/open"]
        self.app = try Application(configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
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

    private func send(
        _ method: HTTPRequest.Method = .get,
        _ path: String,
        _ jar: inout Jar,
        agent: String = "Mozilla",
        isSecure: Bool = true,
        more: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) async throws -> (status: Int, text: String) {
        var client = InProcessClient(self.app, parameters: ["REMOTE_ADDR": "10.0.0.1", "HTTP_USER_AGENT": agent])
        if isSecure { client.parameters["HTTPS"] = "on" }
        for (name, value) in more { client.parameters[name] = value }
        client.cookies = jar.cookies
        let received = try await client.send(method, path, body: body)
        jar.cookies = client.cookies
        return (received.status, received.text)
    }

    @Test("answers without a session where none is asked for, and sets no cookie")
    func noSession() async throws {
        var jar = Jar()
        #expect(try await self.send(.get, "/hello", &jar) == (200, "hello\n"))
        #expect(try await self.send(.get, "/peek", &jar) == (200, "0 none"))
        #expect(jar.cookies.isEmpty)
    }

    @Test("counts for one client and not for another")
    func counting() async throws {
        var ann = Jar()
        var bob = Jar()
        #expect(try await self.send(.get, "/hit", &ann).text == "1")
        #expect(try await self.send(.get, "/hit", &ann).text == "2")
        #expect(try await self.send(.get, "/hit", &bob).text == "1")
        #expect(try await self.send(.get, "/peek", &ann).text == "2 accepted")
        #expect(Set(ann.cookies.keys) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
    }

    @Test("refuses a copied jar under another user agent, and the owner goes on")
    func thief() async throws {
        var ann = Jar()
        _ = try await self.send(.get, "/hit", &ann)
        var thief = ann
        #expect(try await self.send(.get, "/peek", &thief, agent: "curl").text == "0 challenged")
        // What it stores is gone with the request, and the cookies stay the owner's.
        #expect(try await self.send(.get, "/hit", &thief, agent: "curl").text == "1")
        #expect(try await self.send(.get, "/hit", &thief, agent: "curl").text == "1")
        #expect(thief.cookies == ann.cookies)
        #expect(try await self.send(.get, "/peek", &ann).text == "1 accepted")
    }

    @Test("gives the thief of a jar nothing after the owner has logged in anew", arguments: ["/login", "/open/login"])
    func login(_ path: String) async throws {
        var ann = Jar()
        _ = try await self.send(.get, "/hit", &ann)
        var thief = ann
        #expect(try await self.send(.post, path, &ann).text == "in")
        #expect(ann.cookies[session: "__Host-sessionid"] != thief.cookies[session: "__Host-sessionid"])
        #expect(ann.cookies[session: "__Host-sessionid_https"] != thief.cookies[session: "__Host-sessionid_https"])
        #expect(try await self.send(.get, "/user", &ann).text == "ann")
        #expect(try await self.send(.get, "/user", &thief).text == "nobody")
        #expect(try await self.send(.get, "/user", &ann).text == "ann")
        #expect(try await self.send(.get, "/peek", &ann).text == "1 accepted")
    }

    @Test("ends a session on the server at logout")
    func logout() async throws {
        var ann = Jar()
        _ = try await self.send(.post, "/login", &ann)
        let copy = ann
        #expect(try await self.send(.post, "/logout", &ann).text == "out")
        #expect(ann.cookies.isEmpty)
        var thief = copy
        #expect(try await self.send(.get, "/user", &thief).text == "nobody")
    }

    @Test("demands the second key over HTTPS")
    func secureKey() async throws {
        var ann = Jar()
        _ = try await self.send(.get, "/hit", &ann)
        ann.cookies[session: "__Host-sessionid_https"] = nil
        #expect(try await self.send(.get, "/peek", &ann).text == "0 rejected")
    }

    @Test("does not check the paths that are excepted")
    func unchecked() async throws {
        var ann = Jar()
        _ = try await self.send(.get, "/hit", &ann)
        var other = ann
        #expect(try await self.send(.get, "/open/peek", &other, agent: "curl").text == "1")
        #expect(try await self.send(.get, "/peek", &ann).text == "1 accepted")
    }

    @Test(
        "keeps scripts and plain HTTP from all its cookies, on unchecked paths too",
        arguments: ["/hit", "/open/hit"]
    )
    func attributes(_ path: String) async throws {
        let parameters = [("REMOTE_ADDR", "10.0.0.1"), ("HTTPS", "on")]
        let response = try await self.app.respond(to: InProcessRequest(path: path, parameters: parameters))
        #expect(Set(response.cookies.map(\.name)) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
        for cookie in response.cookies {
            #expect(cookie.httpOnly && cookie.path == "/" && cookie.domain == nil && cookie.sameSite == .lax)
            #expect(cookie.secure)
            #expect(cookie.maxAge == .seconds(1_209_600))
        }
    }

    @Test("forgets what a handler has set when it fails")
    func failure() async throws {
        var ann = Jar()
        _ = try await self.send(.get, "/hit", &ann)
        #expect(try await self.send(.get, "/set-and-fail", &ann).status == 409)
        #expect(try await self.send(.get, "/peek", &ann).text == "1 accepted")
    }

    @Test("keeps the guard's own data from the application")
    func reserved() async throws {
        var jar = Jar()
        #expect(try await self.send(.get, "/reserved", &jar).status == 500)
    }

    @Test("refuses control bytes in a redirection with a plain 500")
    func splitting() async throws {
        var jar = Jar()
        #expect(try await self.send(.get, "/split", &jar) == (500, "Internal Server Error\n"))
    }

    @Test(
        "answers 400 to parameters that cannot be a request",
        arguments: [("HTTP_X_A", "a\u{0}b"), ("HTTP_X_A", "a\nb"), ("CONTENT_LENGTH", "5"), ("BAD NAME", "x")]
    )
    func malformed(_ name: String, _ value: String) async throws {
        var jar = Jar()
        #expect(try await self.send(.post, "/echo", &jar, more: [(name, value)], body: [1, 2]).status == 400)
    }

    @Test(
        "takes a cookie that cannot be ours for no session",
        arguments: ["../../etc/passwd", "", "x", String(repeating: "A", count: 44), String(repeating: "B", count: 10_000)]
    )
    func invalidCookie(_ value: String) async throws {
        var jar = Jar(cookies: ["__Host-sessionid": value])
        #expect(try await self.send(.get, "/peek", &jar).text == "0 none")
    }

    @Test("finds its own among several session cookies, whatever their order")
    func duplicates() async throws {
        var ann = Jar()
        _ = try await self.send(.get, "/hit", &ann)
        let field = ann.field
        let other = "__Host-sessionid=" + String(repeating: "A", count: 44)
        for cookie in ["\(field); \(other)", "\(other); \(field)"] {
            var empty = Jar()
            #expect(try await self.send(.get, "/peek", &empty, more: [("HTTP_COOKIE", cookie)]).text == "1 accepted")
        }
        let unknown = "__Host-sessionid=" + String(repeating: "B", count: 44)
        var empty = Jar()
        #expect(try await self.send(.get, "/peek", &empty, more: [("HTTP_COOKIE", "\(other); \(unknown)")]).text == "0 none")
        for cookie in ["\(field); __Host-sessionid=bad", "__Host-sessionid=bad; \(field)"] {
            var empty = Jar()
            #expect(try await self.send(.get, "/peek", &empty, more: [("HTTP_COOKIE", cookie)]).text == "1 accepted")
        }
    }

    @Test("answers 413 to a body over the limit")
    func bodyLimit() async throws {
        var jar = Jar()
        #expect(try await self.send(.post, "/echo", &jar, body: [UInt8](repeating: 1, count: 2 << 20)).status == 200)
        #expect(try await self.send(.post, "/echo", &jar, body: [UInt8](repeating: 1, count: (2 << 20) + 1)).status == 413)
    }
}
