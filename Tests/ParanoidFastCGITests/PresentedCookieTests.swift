import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("What a client presents")
struct PresentedCookieTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func makeApp(in directory: TemporaryDirectory? = nil) throws -> Application {
        let configuration = ApplicationConfiguration(stateDirectory: (directory ?? self.directory).path)
        let app = try Application(configuration: configuration, logger: .silent)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.get("/user") { request in try await request.session.user ?? "nobody" }
        app.post("/user") { request in try await request.session.user ?? "nobody" }
        app.post("/all-at-once") { request in
            let session = request.session
            try await session.logIn(as: "ann")
            try await session.rotate()
            try await session.rotate()
            try await session.logOut()
            try await session.set(SessionKey<Int>("left"), to: 1)
            return "done"
        }
        return app
    }

    private func logIn(_ app: Application, agent: String = "Owner/1.0") async throws -> TestClient {
        var browser = TestClient(app, agent: agent)
        #expect(try await browser.post("/login").status == 200)
        #expect(browser.cookies.count == 3)
        return browser
    }

    /// The user whom a request with exactly these parameters is taken for.
    private func user(
        _ app: Application,
        path: String = "/user",
        cookies: String?,
        extra: [(name: String, value: String)] = [],
        form: String? = nil
    ) async throws -> String {
        var parameters: [(name: String, value: String)] = [
            ("REMOTE_ADDR", "10.0.0.1"), ("HTTP_USER_AGENT", "Owner/1.0"), ("HTTPS", "on"),
        ]
        if let cookies { parameters.append(("HTTP_COOKIE", cookies)) }
        if form != nil { parameters.append(("CONTENT_TYPE", "application/x-www-form-urlencoded")) }
        let request = InProcessRequest(
            method: form == nil ? .get : .post,
            path: path,
            parameters: parameters + extra,
            body: Array((form ?? "").utf8)
        )
        let response = try await app.respond(to: request)
        guard response.status.code == 200, case .bytes(let bytes) = response.body.content else { return "status \(response.status.code)" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func field(_ cookies: [String: String]) -> String { cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ") }

    @Test("counts only as a whole: without any one of the cookies there is no session, and with all of them there is again")
    func eachDropped() async throws {
        let app = try self.makeApp()
        let owner = try await self.logIn(app)
        for name in owner.cookies.keys.sorted() {
            let rest = owner.cookies.filter { $0.key != name }
            #expect(try await self.user(app, cookies: self.field(rest)) == "nobody", "without \(name)")
        }
        #expect(try await self.user(app, cookies: self.field(owner.cookies)) == "ann")
    }

    @Test("counts only from one session: a cookie of another session of the same user does not fit")
    func mixed() async throws {
        let app = try self.makeApp()
        let one = try await self.logIn(app)
        let other = try await self.logIn(app)
        #expect(Set(one.cookies.values).isDisjoint(with: other.cookies.values))
        for name in one.cookies.keys.sorted() {
            var cookies = one.cookies
            cookies[name] = other.cookies[name]
            #expect(try await self.user(app, cookies: self.field(cookies)) == "nobody", "\(name) of the other")
        }
        for browser in [one, other] { #expect(try await self.user(app, cookies: self.field(browser.cookies)) == "ann") }
    }

    @Test("counts only under the exact name: other cases, escapes, spaces from all over Unicode, old syntax and quotes are other cookies")
    func otherNames() async throws {
        let app = try self.makeApp()
        let owner = try await self.logIn(app)
        let spellings: [(String, (String) -> String)] = [
            ("upper case", { $0.uppercased() == $0 ? $0.lowercased() : $0.uppercased() }),
            ("escaped", { "%" + Self.hex($0) + $0.dropFirst() }),
            ("no-break space before", { "\u{A0}\($0)" }), ("quad before", { "\u{2000}\($0)" }), ("vertical tab before", { "\u{B}\($0)" }),
            ("version before", { "$Version=1,\($0)" }), ("nameless", { "=\($0)" }), ("quoted", { "\"\($0)\"" }),
            ("accent after", { "\($0)\u{301}" }), ("zero after", { "\($0)\u{0}" }), ("prefix before", { "__Secure-\($0)" }),
        ]
        for (what, spell) in spellings {
            for name in owner.cookies.keys.sorted() {
                let pairs = owner.cookies.map { "\($0.key == name ? spell($0.key) : $0.key)=\($0.value)" }
                // A control byte is a request that no web server sends: 400.
                let user = try await self.user(app, cookies: pairs.sorted().joined(separator: "; "))
                #expect(user == "nobody" || user == "status 400", "\(name), \(what): \(user)")
            }
        }
        #expect(try await self.user(app, cookies: self.field(owner.cookies)) == "ann")
    }

    private static func hex(_ name: String) -> String { String(name.utf8.first ?? 0, radix: 16) }

    @Test("counts in cookies alone: in a query, a form or another field a valid identifier is nothing")
    func elsewhere() async throws {
        let app = try self.makeApp()
        let owner = try await self.logIn(app)
        let query = owner.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "&")
        #expect(try await self.user(app, path: "/user?\(query)", cookies: nil) == "nobody")
        #expect(try await self.user(app, cookies: nil, form: query) == "nobody")
        for value in owner.cookies.values {
            #expect(try await self.user(app, path: "/user?id=\(value)", cookies: nil) == "nobody")
            for name in ["HTTP_X_SESSION", "HTTP_X_SESSION_ID", "HTTP_AUTHORIZATION", "HTTP_COOKIE2", "HTTP_X_COOKIE"] {
                #expect(try await self.user(app, cookies: nil, extra: [(name, value)]) == "nobody", "\(name)")
                #expect(try await self.user(app, cookies: nil, extra: [(name, self.field(owner.cookies))]) == "nobody", "\(name)")
            }
        }
    }

    @Test("in another application of the same host is nothing, and does no harm in either")
    func otherApplication() async throws {
        let elsewhere = try TemporaryDirectory()
        let (app, other) = (try self.makeApp(), try self.makeApp(in: elsewhere))
        let owner = try await self.logIn(app)
        #expect(try await self.user(other, cookies: self.field(owner.cookies)) == "nobody")
        #expect(try await self.user(app, cookies: self.field(owner.cookies)) == "ann")
    }

    @Test("never belongs to the client served before")
    func alternating() async throws {
        let app = try self.makeApp()
        var (ann, nobody) = (try await self.logIn(app), TestClient(app, agent: "Owner/1.0"))
        for _ in 0..<50 {
            #expect(try await ann.get("/user").text == "ann")
            #expect(try await nobody.get("/user").text == "nobody")
        }
        #expect(nobody.cookies.isEmpty)
    }

    @Test("is told once per name, whatever happened to the session in one request")
    func oneCookiePerName() async throws {
        let app = try self.makeApp()
        let owner = try await self.logIn(app)
        let request = InProcessRequest(
            method: .post,
            path: "/all-at-once",
            parameters: [
                ("REMOTE_ADDR", "10.0.0.1"), ("HTTP_USER_AGENT", "Owner/1.0"), ("HTTPS", "on"),
                ("HTTP_COOKIE", self.field(owner.cookies)),
            ],
            body: []
        )
        let response = try await app.respond(to: request)
        #expect(response.status.code == 200)
        let names = response.cookies.map(\.name)
        #expect(names.count == Set(names).count && !names.isEmpty)
        #expect(try await self.user(app, cookies: self.field(owner.cookies)) == "nobody")
        // All of one session's cookies stay well below what browsers and web servers take.
        #expect(self.field(owner.cookies).utf8.count < 512)
    }
}
