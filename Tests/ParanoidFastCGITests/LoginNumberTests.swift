import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("Answers that come after that of a login")
struct LoginNumberTests {
    private static let visits = SessionKey<Int>("visits")

    private let made: SessionApplication

    init() throws { self.made = try Self.makeApp() }

    private static func makeApp(_ change: (inout ApplicationConfiguration) -> Void = { _ in }) throws -> SessionApplication {
        let made = try SessionApplication(change)
        made.app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        made.app.post("/step-up") { request in
            try await request.session.stepUp(to: .secondFactor)
            return "up"
        }
        made.app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        made.app.post("/logout-and-visit") { request in
            try await request.session.logOut()
            try await request.session.set(Self.visits, to: 1)
            return "out"
        }
        made.app.get("/visit") { request in
            let visits = try await request.session.update(Self.visits, default: 0) { visits in
                visits += 1
                return visits
            }
            return "\(visits)"
        }
        made.app.get("/user") { request in try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue)" }
        return made
    }

    /// What a browser does with the cookies of an answer.
    private func take(_ answer: TestResponse, into client: inout TestClient) {
        for cookie in answer.response.cookies { client.cookies[cookie.name] = cookie.maxAge == .zero ? nil : cookie.value }
    }

    /// An hour in which the client asks now and then; it is served each time, by the same user.
    private func stays(_ client: inout TestClient, _ expected: String) async throws -> Bool {
        for seconds in [1, 3, 7, 13, 14, 60, 600, 13, 2000, 13, 13] {
            guard try await client.get("/user").text == expected else { return false }
            self.made.time.advance(by: .seconds(seconds))
        }
        return true
    }

    @Test("take no login away, though they left before it", arguments: ["/login", "/step-up"])
    func late(_ act: String) async throws {
        var client = self.made.client()
        _ = try await client.post(act == "/step-up" ? "/login" : "/visit")
        #expect(try await client.get("/visit").status == 200)
        // Long enough for the answers to give new values, with all three cookies.
        self.made.time.advance(by: .seconds(400))
        var (tab, page) = (client, client)
        let late = try await tab.get("/visit")
        #expect(late.response.cookies.count == 3)
        let login = try await page.post(act)
        #expect(login.status == 200)
        self.take(login, into: &client)
        self.take(late, into: &client)
        #expect(try await self.stays(&client, "ann accepted"))
        // And the other way round.
        self.take(late, into: &client)
        #expect(try await self.stays(&client, "ann accepted"))
        #expect(try await client.post("/logout").text == "out")
        #expect(client.cookies.isEmpty)
    }

    @Test("take no login away, though they begin a visitor's session")
    func first() async throws {
        let empty = self.made.client()
        var (client, tab, other) = (empty, empty, empty)
        #expect(try await client.post("/login").text == "in")
        let answers = [try await tab.get("/visit"), try await other.get("/visit")]
        for answer in answers { self.take(answer, into: &client) }
        #expect(Set(client.cookies.keys).count == 6)
        #expect(try await self.stays(&client, "ann accepted"))
        // What the visitor stored is not the user's.
        #expect(try await client.get("/visit").text == "1")
        #expect(try await client.post("/logout").text == "out")
        #expect(client.cookies.isEmpty)
        #expect(try await client.get("/user").text == "nobody none")
    }

    @Test("of parallel first requests leave the browser with one session, whole, in whatever order they come")
    func parallel() async throws {
        for order in [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [2, 5, 0, 4, 1, 3]] {
            var tabs = (0..<6).map { _ in self.made.client() }
            var answers: [TestResponse] = []
            for index in tabs.indices { try await answers.append(tabs[index].get("/visit")) }
            #expect(answers.allSatisfy { $0.text == "1" })
            var browser = self.made.client()
            // Between them go requests with what the jar holds by then, whose own answers come last.
            var following: [TestResponse] = []
            for index in order {
                self.take(answers[index], into: &browser)
                self.made.time.advance(by: .milliseconds(2500))
                var tab = browser
                try await following.append(tab.get("/visit"))
                #expect(following.last?.text == "2")
            }
            for answer in following { self.take(answer, into: &browser) }
            #expect(browser.cookies.count == 3)
            let number = try await browser.get("/visit").text
            #expect(number == "3")
            #expect(try await self.stays(&browser, "nobody accepted"))
            #expect(try await browser.post("/login").text == "in")
            #expect(browser.cookies.count == 3)
            #expect(try await browser.get("/visit").text == "4")
        }
    }

    @Test("of a session with new values take all its cookies along: a jar never holds those of two")
    func whole() async throws {
        // The first session goes on while the answer of a slow first request is still to come.
        var browser = self.made.client()
        #expect(try await browser.get("/visit").text == "1")
        self.made.time.advance(by: .seconds(20))
        var slow = self.made.client()
        let begun = try await slow.get("/visit")
        var tab = browser
        let given = try await tab.get("/visit")
        #expect(Set(given.response.cookies.map(\.name)) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
        for answers in [[begun, given], [given, begun]] {
            var client = browser
            for answer in answers { self.take(answer, into: &client) }
            #expect(try await client.get("/user").text == "nobody accepted")
        }
    }

    @Test("have names that come round, and no login leaves the cookies of the one before")
    func names() async throws {
        var client = self.made.client()
        _ = try await client.get("/visit")
        var seen: [String] = []
        for _ in 0..<7 {
            #expect(try await client.post("/login").text == "in")
            #expect(client.cookies.count == 3)
            seen += client.cookies.keys.filter { $0.hasPrefix("__Host-sessionid_https") }
            #expect(try await client.get("/user").text == "ann accepted")
        }
        #expect(seen == (0..<7).map { "__Host-sessionid_https-\($0 % 3 + 1)" })
    }

    @Test("and leave cookies behind that name nothing, do not hide the session of the next login, or of the next visit")
    func leftover() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        let before = client
        _ = try await client.post("/login")
        client.cookies.merge(before.cookies) { $1 }
        #expect(client.cookies.count == 6)
        #expect(try await client.get("/user").text == "ann accepted")
        #expect(try await client.post("/logout-and-visit").text == "out")
        #expect(Set(client.cookies.keys) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
        #expect(try await client.get("/visit").text == "2")
        // One that came even later.
        client.cookies.merge(before.cookies) { $1 }
        #expect(try await client.get("/visit").text == "3")
        self.made.time.advance(by: .seconds(600))
        #expect(try await client.get("/visit").text == "4")
        #expect(try self.made.app.sessions.count(of: .refused) == 0)
    }

    @Test("have the same names where another host can set them")
    func unbound() async throws {
        let made = try Self.makeApp { $0.sessions.cookies.prefix = .secure }
        var client = made.client()
        _ = try await client.get("/visit")
        #expect(try await client.post("/login").text == "in")
        #expect(Set(client.cookies.keys) == ["__Secure-sessionid", "__Secure-sessionnonce", "__Secure-sessionid_https"])
        #expect(try await client.get("/user").text == "ann accepted")
        // A neighbour's login under another name moves nobody into it.
        var neighbour = made.client()
        _ = try await neighbour.post("/login")
        var visitor = made.client()
        _ = try await visitor.get("/visit")
        for (name, value) in neighbour.cookies { visitor.cookies["\(name)-1"] = value }
        #expect(try await visitor.get("/user").text == "nobody accepted")
    }
}
