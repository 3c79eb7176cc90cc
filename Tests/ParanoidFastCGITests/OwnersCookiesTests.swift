import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("The cookies of a session's owner")
struct OwnersCookiesTests {
    private static let cart = SessionKey<[String]>("cart")
    private static let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1"

    private let directory: TemporaryDirectory
    private let clock = ManualClock()
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        self.app = try Application(
            configuration: ApplicationConfiguration(stateDirectory: self.directory.path),
            logger: .silent,
            clock: self.clock
        )
        self.app.post("/login") { request in
            let name = String(decoding: try await request.body.collect(), as: UTF8.self)
            do {
                try await request.session.logIn(as: name)
                return "in"
            } catch let refusal as RequestRefusal {
                return refusal.reason.rawValue
            }
        }
        self.app.get("/magic") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        self.app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        self.app.get("/user") { request in
            try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue)"
        }
        for method in [HTTPRequest.Method.get, .post] {
            self.app.on(method, "/add") { request in
                try await request.session.set(Self.cart, to: ["one"])
                _ = try await request.session.update(Self.cart, default: []) { cart in cart.append("two") }
                return try await (request.session.value(Self.cart) ?? []).joined(separator: ",")
            }
        }
    }

    private func browser() -> TestClient { TestClient(self.app, agent: Self.agent) }

    @Test("stay as they are whatever another program with the same jar stores")
    func secondProgram() async throws {
        var ann = self.browser()
        _ = try await ann.post("/login", .bytes("ann".utf8))
        var player = ann
        player.userAgent = "AppleCoreMedia/1.0.0.21A329 (iPhone; U; CPU OS 17_0 like Mac OS X; en_us)"
        // Its handler finds what it has stored itself.
        #expect(try await player.get("/add").text == "one,two")
        #expect(player.cookies == ann.cookies)
        #expect(try await player.get("/user").text == "nobody challenged")
        #expect(try await ann.get("/user").text == "ann accepted")
    }

    @Test("stay as they are when a request is refused that shows a part of them")
    func refused() async throws {
        var ann = self.browser()
        _ = try await ann.post("/login", .bytes("ann".utf8))
        var part = ann
        part.cookies[session: "__Host-sessionnonce"] = nil
        let before = part.cookies
        #expect(try await part.get("/add").text == "one,two")
        #expect(part.cookies == before)
        #expect(try await ann.get("/user").text == "ann accepted")
        // Who logs in wants a session of their own.
        #expect(try await part.post("/login", .bytes("ann".utf8)).text == "in")
        #expect(try await part.get("/user").text == "ann accepted")
    }

    @Test(
        "are not replaced by the answer to a request that another site has sent without them",
        arguments: [
            (["Sec-Fetch-Dest": "document"], "https://bank.example"), (["Origin": "https://bank.example"], nil), (["Origin": "null"], nil),
            (["Origin": "https://bank.example", "Sec-Fetch-Site": "Cross-Site"], nil),
            (["Referer": "https://bank.example/pay?to=1", "Host": "shop.example"], nil),
            (["Referer": "https://bank.example", "Host": "shop.example"], nil),
        ] as [([String: String], String?)]
    )
    func crossSite(_ headers: [String: String], _ origin: String?) async throws {
        var bank = self.browser()
        #expect(try await bank.post("/add", headers: headers, from: origin).text == "one,two")
        #expect(bank.cookies.isEmpty)
        #expect(try await bank.post("/login", .bytes("mallory".utf8), headers: headers, from: origin).text == "cross-site")
        #expect(bank.cookies.isEmpty)
    }

    @Test(
        "are set where an older browser sends a form of our own page, or follows a link, and says no more than where from",
        arguments: ["https://shop.example/form", "https://SHOP.example:443/", "no address", ""]
    )
    func referer(_ referer: String) async throws {
        var client = self.browser()
        client.parameters["HTTP_REFERER"] = referer
        #expect(try await client.post("/add").text == "one,two")
        #expect(client.cookies.count == 3)
        var visitor = self.browser()
        visitor.parameters["HTTP_REFERER"] = "https://bank.example/"
        #expect(try await visitor.get("/add").text == "one,two")
        #expect(visitor.cookies.count == 3)
    }

    @Test("are not replaced by what a page stores to which a link of another site leads; a login on such a page is one")
    func link() async throws {
        var visitor = self.browser()
        #expect(try await visitor.get("/add", from: "https://bank.example").text == "one,two")
        #expect(visitor.cookies.isEmpty)
        #expect(try await visitor.get("/magic", from: "https://bank.example").text == "in")
        #expect(try await visitor.get("/user").text == "ann accepted")
    }

    @Test("are not deleted by the answer to a late request with those from before a login")
    func lateRequest() async throws {
        var ann = self.browser()
        _ = try await ann.get("/add")
        var late = ann
        _ = try await ann.post("/login", .bytes("ann".utf8))
        let before = late.cookies
        #expect(try await late.get("/user").text == "nobody none")
        #expect(late.cookies == before)
        #expect(try await ann.get("/user").text == "ann accepted")
    }

    @Test("go when their owner logs out, also out of a session that is withheld")
    func logOut() async throws {
        var ann = self.browser()
        _ = try await ann.post("/login", .bytes("ann".utf8))
        var moved = ann
        moved.userAgent = "curl/8"
        #expect(try await moved.get("/user").text == "nobody challenged")
        #expect(try await moved.post("/logout").text == "out")
        #expect(moved.cookies.isEmpty)
        #expect(try await ann.get("/user").text == "nobody none")
    }
}
