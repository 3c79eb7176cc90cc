import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

/// An application for attackers and honest browsers: who is logged in and a counter, by a clock that the test moves.
struct VisitApplication {
    static let visits = SessionKey<Int>("visits")

    let made: SessionApplication

    init(_ change: (inout ApplicationConfiguration) -> Void = { _ in }) throws {
        self.made = try SessionApplication(change)
        let app = self.made.app
        for method in [HTTPRequest.Method.get, .post] {
            app.on(method, "/visit") { request in "\(try await Self.count(request))" }
            app.on(method, "/user") { request in
                try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue)"
            }
            app.on(method, "/reason") { request in try await request.session.guardReason?.rawValue ?? "-" }
        }
        app.post("/login") { request in
            let user = (try? await request.form())?.first(named: "user") ?? "ann"
            try await request.session.logIn(as: user)
            return "in"
        }
        app.post("/count-and-login") { request in
            let seen = try await Self.count(request)
            try await request.session.logIn(as: "ann")
            return "\(seen)"
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        app.post("/revoke-others") { request in "\(try await request.session.revokeOthers())" }
        app.get("/value") { request in "\(try await request.session.value(Self.visits) ?? 0)" }
    }

    private static func count(_ request: Request) async throws -> Int {
        try await request.session.update(Self.visits, default: 0) { visits in
            visits += 1
            return visits
        }
    }

    var app: Application { self.made.app }
    func pass(_ seconds: Int) { self.made.time.advance(by: .seconds(seconds)) }

    func client(_ agent: String = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") -> TestClient {
        TestClient(self.app, agent: agent)
    }

    /// The answer to a request with exactly these cookies.
    func send(_ method: HTTPRequest.Method, _ path: String, _ cookies: [String]) async throws -> TestResponse {
        var client = self.client()
        return try await client.send(method, path, headers: ["Cookie": cookies.joined(separator: "; ")])
    }
}

extension TestClient {
    /// The cookies as they stand in the field.
    var pairs: [String] { self.cookies.map { "\($0.key)=\($0.value)" }.sorted() }
}

@Suite("Cookies that somebody else has put beside a session's")
struct PlantedCookieTests {
    @Test(
        "do not hide it where they are so many that the field is not read: nothing is set, deleted or stored",
        arguments: [200, 250, 900]
    )
    func tooMany(_ count: Int) async throws {
        let scene = try VisitApplication()
        var (ann, visitor) = (scene.client(), scene.client())
        #expect(try await ann.post("/login").text == "in")
        #expect(try await visitor.get("/visit").text == "1")
        let planted = (0..<count).map { "n\($0)=1" }
        for client in [ann, visitor] {
            for cookies in [planted + client.pairs, client.pairs + planted] {
                for path in ["/visit", "/user", "/reason", "/visit"] {
                    let answer = try await scene.send(.get, path, cookies)
                    #expect(answer.response.cookies.isEmpty, "\(path)")
                    #expect(answer.text == ["/visit": "1", "/user": "nobody rejected", "/reason": "ambiguous"][path])
                }
            }
        }
        #expect(try await ann.get("/user").text == "ann accepted")
        #expect(try await visitor.get("/value").text == "1")
        // A logout acts.
        let deleted = try await scene.send(.post, "/logout", planted + ann.pairs).response.cookies
        #expect(Set(deleted.map(\.name)).isSuperset(of: ann.cookies.keys) && deleted.allSatisfy { $0.maxAge == .zero })
    }

    /// What a neighbour has planted of a session of their own: by the places of the three cookies.
    private static let parts = (1..<8).map { bits in (0..<3).filter { bits & 1 << $0 != 0 } }

    @Test("are told from the owner's unless they are a whole session; that is refused, and nobody is moved into it", arguments: parts)
    func part(_ parts: [Int]) async throws {
        let scene = try VisitApplication()
        var (ann, neighbour) = (scene.client(), scene.client())
        #expect(try await ann.post("/login").text == "in")
        #expect(try await neighbour.post("/login", form: ["user": "mallory"]).text == "in")
        let all = neighbour.pairs
        let planted = parts.map { all[$0] }
        for cookies in [planted + ann.pairs, ann.pairs + planted] {
            let answer = try await scene.send(.get, "/user", cookies)
            #expect(answer.text == (parts.count == 3 ? "nobody rejected" : "ann accepted"))
            #expect(answer.response.cookies.isEmpty)
        }
        #expect(try await ann.get("/user").text == "ann accepted")
        #expect(try await neighbour.get("/user").text == "mallory accepted")
    }

    @Test(
        "do not outlive a logout: it ends all sessions that the browser shows whole, and no other, and deletes the cookies",
        arguments: parts
    )
    func loggedOut(_ parts: [Int]) async throws {
        let scene = try VisitApplication()
        var (ann, neighbour) = (scene.client(), scene.client())
        #expect(try await ann.post("/login").text == "in")
        #expect(try await neighbour.post("/login", form: ["user": "mallory"]).text == "in")
        let all = neighbour.pairs
        let answer = try await scene.send(.post, "/logout", parts.map { all[$0] } + ann.pairs)
        #expect(answer.text == "out")
        #expect(Set(answer.response.cookies.map(\.name)).isSuperset(of: ann.cookies.keys))
        #expect(answer.response.cookies.allSatisfy { $0.maxAge == .zero })
        #expect(try await ann.get("/user").text == "nobody none")
        #expect(try await neighbour.get("/user").text == (parts.count == 3 ? "nobody none" : "mallory accepted"))
    }

    @Test("that are its own from before, under another path or domain, hide nothing: the newest value counts, and the session goes on")
    func leftover() async throws {
        for prefix in [SessionCookieConfiguration.Prefix.host, .secure, .none] {
            let scene = try VisitApplication { $0.sessions.cookies.prefix = prefix }
            var ann = scene.client()
            #expect(try await ann.post("/login").text == "in")
            // What stays under the old path for ever.
            let old = ann.pairs
            for visit in 1...8 {
                scene.pass(13)
                if visit % 4 == 0 {
                    let field = (old + ann.pairs).joined(separator: "; ")
                    #expect(try await ann.send(.post, "/rotate", headers: ["Cookie": field]).text == "rotated")
                    scene.pass(13)
                }
                for field in [old + ann.pairs, ann.pairs + old] {
                    let answer = try await ann.get("/user", headers: ["Cookie": field.joined(separator: "; ")])
                    #expect(answer.text == "ann accepted", "\(prefix), \(visit)")
                }
            }
            #expect(Set(ann.pairs).isDisjoint(with: old.filter { $0.contains("nonce") }))
            #expect(try scene.app.sessions.count(of: .reuse) == 0)
            // A copy of the old values alone is proof, as ever.
            #expect(try await scene.send(.get, "/user", old).text == "nobody challenged")
        }
    }
}

@Suite("A request that is late, partial or of another program")
struct LeftAloneTests {
    @Test(
        "takes no login away after its session was ended from elsewhere, also where all logins have the same cookie names",
        arguments: [SessionCookieConfiguration.Prefix.host, .secure],
        [true, false]
    )
    func revoked(_ prefix: SessionCookieConfiguration.Prefix, byLimit: Bool) async throws {
        let scene = try VisitApplication {
            $0.sessions.cookies.prefix = prefix
            if byLimit { $0.sessionsPerUser = 1 }
        }
        var (ann, other) = (scene.client(), scene.client())
        #expect(try await ann.post("/login").text == "in")
        var late = ann
        let before = late.cookies
        #expect(try await other.post("/login").text == "in")
        if !byLimit { #expect(try await other.post("/revoke-others").text == "1") }
        // It logs in anew, and then a request arrives that it sent before.
        #expect(try await ann.post("/login").text == "in")
        for path in ["/visit", "/user", "/visit"] {
            let answer = try await late.get(path)
            #expect(answer.response.cookies.isEmpty, "\(path)")
            #expect(answer.text == (path == "/user" ? "nobody none" : "1"))
        }
        #expect(late.cookies == before)
        #expect(try await ann.get("/user").text == "ann accepted")
    }

    @Test(
        "of an older browser that follows a link of another site could not bring strict cookies, and replaces none",
        arguments: [
            ("https://bank.example/", false), ("https://bank.example", false), ("https://shop.example/page", true), ("", true), (nil, true),
            ("https://SHOP.example:443/", true),
        ] as [(String?, Bool)]
    )
    func strict(_ page: String?, begins: Bool) async throws {
        let scene = try VisitApplication { $0.sessions.cookies.sameSite = .strict }
        var browser = scene.client()
        browser.parameters["HTTP_REFERER"] = page
        #expect(try await browser.get("/visit").text == "1")
        #expect(browser.cookies.isEmpty != begins)
        browser.parameters["HTTP_REFERER"] = nil
        #expect(try await browser.get("/visit").text == (begins ? "2" : "1"))
        #expect(browser.cookies.count == 3)
    }

    @Test("is one for as long as it can be under way: a client that shows later what has ended is a visitor")
    func afterwards() async throws {
        let scene = try VisitApplication()
        var (ann, other) = (scene.client(), scene.client())
        #expect(try await ann.post("/login").text == "in")
        #expect(try await other.post("/login").text == "in")
        #expect(try await other.post("/revoke-others").text == "1")
        let before = ann.cookies
        #expect(try await ann.get("/visit").text == "1")
        #expect(ann.cookies == before)
        scene.pass(60)
        #expect(try await ann.get("/visit").text == "1")
        #expect(try await ann.get("/visit").text == "2")
        #expect(ann.cookies != before)
    }

    @Test("logs out: whatever part of the cookies is left, it is deleted", arguments: (1..<8).map { $0 })
    func logOut(_ bits: Int) async throws {
        let scene = try VisitApplication()
        var ann = scene.client()
        #expect(try await ann.post("/login").text == "in")
        let names = ann.cookies.keys.sorted()
        for (place, name) in names.enumerated() where bits & 1 << place == 0 { ann.cookies[name] = nil }
        #expect(try await ann.post("/logout").text == "out")
        #expect(ann.cookies.isEmpty)
    }

    @Test("puts nothing over what a withheld session holds: what its handler has counted before the password goes nowhere")
    func released() async throws {
        let scene = try VisitApplication()
        var ann = scene.client()
        #expect(try await ann.post("/login").text == "in")
        for visit in 1...57 { #expect(try await ann.get("/visit").text == "\(visit)") }
        var moved = ann
        moved.userAgent = "curl/8"
        #expect(try await moved.get("/visit").text == "1")
        #expect(try await moved.post("/count-and-login").text == "1")
        #expect(try await moved.get("/value").text == "57")
        #expect(try await moved.get("/visit").text == "58")
        // Where nothing is released, the login keeps what its request has counted.
        var part = moved
        part.cookies[session: "__Host-sessionnonce"] = nil
        #expect(try await part.post("/count-and-login").text == "1")
        #expect(try await part.get("/visit").text == "2")
    }

    @Test("may be one of several first ones: what each handler reported is in the session whose cookies its answer sets")
    func parallel() async throws {
        let scene = try VisitApplication()
        var answers: [(client: TestClient, text: String)] = []
        for _ in 0..<6 {
            var tab = scene.client()
            let text = try await tab.get("/visit").text
            answers.append((tab, text))
        }
        for answer in answers {
            var client = answer.client
            #expect(answer.text == "1")
            #expect(try await client.get("/value").text == answer.text)
            #expect(try await client.get("/visit").text == "2")
        }
        #expect(Set(answers.flatMap { $0.client.cookies.values }).count == 18)
    }

    @Test(
        "changes nothing for the owner, whatever the request says that it is for",
        arguments: [
            ["Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"],
            ["Sec-Fetch-Dest": "video", "Sec-Fetch-Mode": "no-cors", "Range": "bytes=0-1"], ["Sec-Purpose": "prefetch"],
            ["Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Mode": "navigate"],
            ["Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"],
            ["Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"], [:],
        ]
    )
    func programs(_ headers: [String: String]) async throws {
        let scene = try VisitApplication()
        var ann = scene.client()
        #expect(try await ann.post("/login").text == "in")
        for agent in [
            "AppleCoreMedia/1.0.0.21A329 (iPhone; U)", "Wget/1.21.3", "", "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0.0.0 Safari/537.36",
        ] {
            scene.pass(400)
            var program = ann
            program.userAgent = agent
            let before = program.cookies
            for path in ["/visit", "/user", "/value"] {
                #expect(
                    try await program.get(path, headers: headers).text
                        == ["/visit": "1", "/user": "nobody challenged", "/value": "0"][path]
                )
            }
            #expect(program.cookies == before)
            #expect(try await ann.get("/user").text == "ann accepted")
        }
        #expect(try await ann.get("/value").text == "0")
    }

    @Test(
        "proves a copy by an old value, whatever the request says that it is for",
        arguments: [
            ["Sec-Purpose": "prefetch"], ["Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"],
            ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"],
            ["Origin": "https://evil.example"],
        ]
    )
    func oldValue(_ headers: [String: String]) async throws {
        let scene = try VisitApplication()
        var ann = scene.client()
        #expect(try await ann.post("/login").text == "in")
        var copy = ann
        for _ in 0..<3 {
            scene.pass(13)
            #expect(try await ann.get("/user").text == "ann accepted")
        }
        scene.pass(60)
        #expect(try await copy.get("/user", headers: headers).text == "nobody challenged")
        #expect(try scene.app.sessions.count(of: .reuse) == 1)
    }
}
