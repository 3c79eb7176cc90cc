import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Requests and responses that a login or a logout overtakes")
struct LateRequestTests {
    private static let visits = SessionKey<Int>("visits")

    private let made: SessionApplication
    private let barrier = Barrier()

    init() throws {
        self.made = try SessionApplication()
        let (app, barrier) = (self.made.app, self.barrier)
        app.post("/login") { request in
            try await request.session.logIn(as: request.decodeForm([String: String].self)["user"] ?? "ann")
            return "in"
        }
        app.post("/step-up") { request in
            try await request.session.stepUp(to: .secondFactor)
            return "up"
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        app.get("/user") { request in try await request.session.user ?? "nobody" }
        let visit: @Sendable (Request) async throws -> Int = { request in
            try await request.session.update(Self.visits, default: 0) { visits in
                visits += 1
                return visits
            }
        }
        app.get("/visit") { request in "\(try await visit(request))" }
        app.get("/slow-visit") { request in
            let visits = try await visit(request)
            await barrier.wait()
            return "\(visits)"
        }
        app.get("/slow-user") { request in
            let user = try await request.session.user ?? "nobody"
            await barrier.wait()
            return user
        }
        app.get("/slow-update") { request in
            _ = try await request.session.value(Self.visits)
            await barrier.wait()
            do {
                try await request.session.update(Self.visits, default: 0) { $0 += 1 }
                return "updated"
            } catch let error as SessionError where error == .ended {
                do {
                    try await request.session.set(Self.visits, to: 7)
                    return "set"
                } catch let error as SessionError where error == .ended {
                    return "ended"
                }
            }
        }
        app.get("/slow-set") { request in
            try await request.session.set(Self.visits, to: 7)
            await barrier.wait()
            return "set"
        }
    }

    private static func get(_ path: String, as client: TestClient) async throws -> TestResponse {
        var client = client
        return try await client.get(path)
    }

    private func setsCookies(_ answer: TestResponse) -> Bool { !answer.response.cookies.isEmpty }

    @Test(
        "a request from before a login, a step-up or a logout neither sets nor deletes a cookie, whatever it stores",
        arguments: ["/login", "/step-up", "/logout"]
    )
    func lateRequest(_ act: String) async throws {
        var client = self.made.client()
        #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
        #expect(try await client.get("/visit").text == "1")
        var late = client
        let before = late.cookies
        #expect(try await client.post(act, form: ["user": "bob"]).status == 200)
        for path in ["/user", "/visit", "/user"] {
            let answer = try await late.get(path)
            #expect(!self.setsCookies(answer), "\(path)")
            #expect(answer.text == (path == "/user" ? "nobody" : "1"))
        }
        #expect(late.cookies == before)
        #expect(try await client.get("/user").text == ["/login": "bob", "/step-up": "ann", "/logout": "nobody"][act])
        // Much later it is a visitor who knows nothing of all that.
        self.made.time.advance(by: .seconds(60))
        #expect(try await late.get("/visit").text == "1")
        #expect(late.cookies != before)
        #expect(try await late.get("/visit").text == "2")
    }

    @Test("a response that begins before a login sets no cookie after it")
    func lateResponse() async throws {
        var client = self.made.client()
        #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
        #expect(try await client.get("/visit").text == "1")
        // A new value is due by now, and goes out with the next response.
        self.made.time.advance(by: .seconds(400))
        var probe = client
        #expect(self.setsCookies(try await probe.get("/visit")))
        self.made.time.advance(by: .seconds(400))
        client = probe
        #expect(try await client.get("/user").text == "ann")
        self.made.time.advance(by: .seconds(400))
        let tab = client
        async let slow = Self.get("/slow-visit", as: tab)
        await self.barrier.arrival()
        #expect(try await client.post("/login", form: ["user": "bob"]).text == "in")
        self.barrier.open()
        let answer = try await slow
        #expect(answer.text == "3")
        #expect(!self.setsCookies(answer))
        #expect(try await client.get("/user").text == "bob")
    }

    @Test("a response that has nothing to store looks at its session once more before it sets a cookie", arguments: [false, true])
    func nothingToStore(hasEnded: Bool) async throws {
        var client = self.made.client()
        #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
        self.made.time.advance(by: .seconds(400))
        // The first response that gives a value notes the time; the next one of the same moment has nothing to note.
        var first = client
        #expect(self.setsCookies(try await first.get("/user")))
        let tab = client
        async let slow = Self.get("/slow-user", as: tab)
        await self.barrier.arrival()
        if hasEnded { #expect(try await client.post("/logout").text == "out") }
        self.barrier.open()
        let answer = try await slow
        #expect(answer.text == "ann")
        #expect(self.setsCookies(answer) == !hasEnded)
    }

    @Test("what a request stores in a session that has ended meanwhile fails, and is never taken for done")
    func endedMeanwhile() async throws {
        for (path, status, text) in [("/slow-update", 200, "ended"), ("/slow-set", 409, "Your session has ended. Load the page again.\n")] {
            let test = try LateRequestTests()
            var client = test.made.client()
            #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
            let tab = client
            async let slow = Self.get(path, as: tab)
            await test.barrier.arrival()
            #expect(try await client.post("/logout").text == "out")
            test.barrier.open()
            let answer = try await slow
            #expect(answer.status == status)
            #expect(answer.text == text)
            #expect(!test.setsCookies(answer))
        }
    }

    @Test("a logout deletes the cookies, also of a session that has ended meanwhile")
    func logoutActs() async throws {
        var client = self.made.client()
        #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
        var tab = client
        #expect(try await client.post("/logout").text == "out")
        #expect(try await tab.post("/logout").text == "out")
        #expect(tab.cookies.isEmpty)
    }
}

@Suite("Session cookies with several values")
struct AmbiguousCookieTests {
    private let made: SessionApplication

    init() throws {
        self.made = try SessionApplication()
        let app = self.made.app
        app.post("/login") { request in
            try await request.session.logIn(as: request.decodeForm([String: String].self)["user"] ?? "ann")
            return "in"
        }
        app.get("/user") { request in try await "\(request.session.user ?? "nobody") \(request.session.guardReason?.rawValue ?? "-")" }
        app.post("/visit") { request in
            try await request.session.update(SessionKey<Int>("visits"), default: 0) { $0 += 1 }
            return "visited"
        }
    }

    private func send(_ method: HTTPRequest.Method, _ path: String, _ cookies: [String]) async throws -> (text: String, sets: Int) {
        var client = self.made.client()
        let answer = try await client.send(method, path, headers: ["Cookie": cookies.joined(separator: "; ")])
        return (answer.text, answer.response.cookies.count)
    }

    private func pairs(_ client: TestClient) -> [String] { client.cookies.map { "\($0.key)=\($0.value)" }.sorted() }

    @Test("invented identifiers do not hide the owner's, wherever they stand", arguments: [4, 30])
    func invented(count: Int) async throws {
        var client = self.made.client()
        #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
        let name = "__Host-sessionid-1"
        let own = try #require(client.cookies[name])
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        let invented = letters.prefix(count).map { "\(name)=\(own.prefix(8))\($0)\(own.dropFirst(9))" }
        for cookies in [invented + self.pairs(client), self.pairs(client) + invented] {
            #expect(try await self.send(.get, "/user", cookies) == ("ann current", 0))
        }
        #expect(try await client.get("/user").text == "ann current")
    }

    @Test("a neighbour's valid session beside the owner's is refused with it, and both stay, with all their cookies")
    func neighbour() async throws {
        var (client, neighbour) = (self.made.client(), self.made.client())
        #expect(try await client.post("/login", form: ["user": "ann"]).text == "in")
        #expect(try await neighbour.post("/login", form: ["user": "mallory"]).text == "in")
        for cookies in [self.pairs(neighbour) + self.pairs(client), self.pairs(client) + self.pairs(neighbour)] {
            #expect(try await self.send(.get, "/user", cookies) == ("nobody ambiguous", 0))
            #expect(try await self.send(.post, "/visit", cookies) == ("visited", 0))
        }
        #expect(try await client.get("/user").text == "ann current")
        #expect(try await neighbour.get("/user").text == "mallory current")
    }
}

@Suite("A login that is committed")
struct CommittedLoginTests {
    @Test("is answered with its cookies, whatever fails after it", arguments: ["/throws", "/too-large", "/remember"])
    func answered(_ path: String) async throws {
        let made = try SessionApplication()
        let value = SessionKey<String>("value")
        made.app.post("/visit") { request in
            try await request.session.set(value, to: "visitor")
            return "visited"
        }
        made.app.post("/throws") { request -> String in
            try await request.session.logIn(as: "ann")
            try await request.session.update(value, default: "") { $0 = "in" }
            throw HTTPError(.badGateway)
        }
        made.app.post("/too-large") { request in
            try await request.session.logIn(as: "ann")
            try await request.session.update(value, default: "") { $0 = "in" }
            // Found out when the request commits.
            try await request.session.merge(value, default: "") { $0 = String(repeating: "x", count: 10_000_000) }
            return "done"
        }
        made.app.post("/remember") { request in
            try await request.session.logIn(as: "ann", level: .remembered)
            try await request.session.update(value, default: "") { $0 = "in" }
            try await request.session.rememberMe()
            return "done"
        }
        made.app.get("/user") { request in try await "\(request.session.user ?? "nobody") \(request.session.value(value) ?? "-")" }
        var client = made.client()
        _ = try await client.post("/visit")
        let answer = try await client.post(path)
        #expect(answer.status >= 400)
        #expect(!answer.response.cookies.isEmpty)
        #expect(answer.response.header(.cacheControl) == "no-store")
        #expect(try await client.get("/user").text == "ann in")
    }
}
