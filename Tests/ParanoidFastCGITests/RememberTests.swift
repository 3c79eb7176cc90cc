import ParanoidFastCGI
import ParanoidFastCGITesting
import Synchronization
import Testing

@Suite("Browsers that are remembered")
struct RememberTests {
    private static let cookie = "__Host-remember"

    private let made: SessionApplication
    private let thefts: Thefts

    private final class Thefts: Sendable {
        let users = Mutex<[String]>([])
    }

    init() throws {
        let thefts = Thefts()
        self.thefts = thefts
        self.made = try SessionApplication { configuration in
            configuration.sessions.onEvent = { event in
                if event.kind == .tokenReuse, let user = event.user { thefts.users.withLock { $0.append(user) } }
            }
        }
        let app = self.made.app
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "\(try await request.session.rememberMe(device: SessionDevice(label: "Phone")))"
        }
        app.get("/") { request in
            _ = try await request.session.logInIfRemembered()
            return try await "\(request.session.user ?? "nobody") \(request.session.level.map { "\($0.rawValue)" } ?? "-")"
        }
        app.get("/device") { request in try await request.session.list().map { $0.device?.label ?? "-" }.joined(separator: ",") }
        app.get("/user") { request in try await request.session.user ?? "nobody" }
        app.post("/remember") { request in "\(try await request.session.rememberMe())" }
        app.post("/transfer") { request in
            try await request.session.requireFreshLogin(within: .seconds(3600))
            return "done"
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        app.post("/revoke-others") { request in "\(try await request.session.revokeOthers())" }
    }

    /// The client after its session is over and only the token is left.
    private func later(_ client: TestClient) -> TestClient {
        var client = client
        client.cookies = client.cookies.filter { $0.key == Self.cookie }
        return client
    }

    @Test("log their user in again and again, each time with another token, below a password and never freshly")
    func again() async throws {
        var client = self.made.client()
        #expect(try await client.post("/login").text == "true")
        #expect(try await client.get("/").text == "ann 10")
        var seen: Set<String> = []
        for _ in 0..<6 {
            self.made.time.advance(by: .seconds(86_400))
            client = self.later(client)
            #expect(seen.insert(try #require(client.cookies[Self.cookie])).inserted)
            let answer = try await client.get("/")
            #expect(answer.text == "ann 0")
            #expect(answer.response.cookies.first { $0.name == Self.cookie }.map { $0.secure && $0.httpOnly && $0.domain == nil } == true)
            #expect(answer.header(.cacheControl) == "no-store")
            #expect(try await client.post("/transfer").status == 403)
            #expect(try await client.post("/remember").status == 403)
            #expect(try await client.get("/device").text.split(separator: ",").allSatisfy { $0 == "Phone" || $0 == "-" })
        }
        // Thirty days after the user asked for it, used or not.
        self.made.time.advance(by: .seconds(86_400 * 24))
        client = self.later(client)
        #expect(try await client.get("/").text == "nobody -")
        #expect(client.cookies.isEmpty)
    }

    @Test("lose no token by the answer to a request that shows the one before, from before a login")
    func lateRequest() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        client = self.later(client)
        var late = client
        #expect(try await client.post("/login").text == "true")
        let answer = try await late.get("/")
        #expect(answer.text == "nobody -")
        #expect(answer.response.cookies.isEmpty)
        client = self.later(client)
        #expect(try await client.get("/").text == "ann 0")
        #expect(self.thefts.users.withLock { $0.isEmpty })
    }

    @Test("lose nothing by a lost answer, by two tabs at once, or by an answer that comes late")
    func lostAnswer() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        for _ in 0..<3 {
            self.made.time.advance(by: .seconds(50_000))
            var lost = self.later(client)
            #expect(try await lost.get("/").text == "ann 0")
        }
        self.made.time.advance(by: .seconds(50_000))
        client = self.later(client)
        var tab = client
        #expect(try await client.get("/").text == "ann 0")
        #expect(try await tab.get("/").text == "ann 0")
        var late = self.later(tab)
        self.made.time.advance(by: .seconds(1))
        #expect(try await late.get("/").text == "ann 0")
        #expect(self.thefts.users.withLock { $0.isEmpty })
    }

    @Test(
        "show a theft: a used token that comes again ends the tokens and all sessions of the user, with an alarm",
        arguments: [true, false]
    )
    func theft(thiefIsFirst: Bool) async throws {
        var owner = self.made.client()
        _ = try await owner.post("/login")
        var thief = self.later(owner)
        self.made.time.advance(by: .seconds(60))
        // Both use the copy, go on with their own tokens, and the one who comes second after that is the alarm.
        owner = self.later(owner)
        if thiefIsFirst { #expect(try await thief.get("/").text == "ann 0") }
        #expect(try await owner.get("/").text == "ann 0")
        if !thiefIsFirst { #expect(try await thief.get("/").text == "ann 0") }
        self.made.time.advance(by: .seconds(60))
        var next = self.later(owner)
        #expect(try await next.get("/").text == "ann 0")
        self.made.time.advance(by: .seconds(60))
        let session = thief
        var again = self.later(thief)
        #expect(try await again.get("/").text == "nobody -")
        #expect(again.cookies.isEmpty)
        #expect(self.thefts.users.withLock { $0 } == ["ann"])
        thief = session
        #expect(try await thief.get("/user").text == "nobody")
        #expect(try await next.get("/user").text == "nobody")
        next = self.later(next)
        #expect(try await next.get("/").text == "nobody -")
    }

    @Test("are forgotten by a logout, by the end of all other sessions, and by that of all sessions of the user")
    func forgotten() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        var copy = self.later(client)
        #expect(try await client.post("/logout").text == "out")
        #expect(client.cookies.isEmpty)
        #expect(try await copy.get("/").text == "nobody -")

        _ = try await client.post("/login")
        var other = self.made.client()
        _ = try await other.post("/login")
        #expect(try await other.post("/revoke-others").text == "1")
        client = self.later(client)
        #expect(try await client.get("/").text == "nobody -")
        other = self.later(other)
        #expect(try await other.get("/").text == "ann 0")

        #expect(try await self.made.app.sessions.revokeAll(user: "ann") > 0)
        other = self.later(other)
        #expect(try await other.get("/").text == "nobody -")
        #expect(self.thefts.users.withLock { $0.isEmpty })
    }

    @Test("are listed beside the user's sessions and end by their handle, and their tokens are no sessions")
    func listed() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        let list = try await self.made.app.sessions.list(user: "ann")
        #expect(list.map(\.kind).sorted { $0.rawValue < $1.rawValue } == [.rememberedLogin, .session])
        let memory = try #require(list.first { $0.kind == .rememberedLogin })
        #expect(memory.device?.label == "Phone")
        #expect(memory.loggedInAt != nil)
        let token = try #require(client.cookies[Self.cookie])
        let names = self.made.app.configuration.sessions.cookies
        var prying = self.made.client()
        prying.cookies[names.sessionCookie] = String(token.prefix(44))
        prying.cookies[names.nonceCookie] = String(token.dropFirst(44))
        #expect(try await prying.get("/user").text == "nobody")
        #expect(try await !self.made.app.sessions.revoke(memory.handle, of: "bob"))
        #expect(try await self.made.app.sessions.revoke(memory.handle, of: "ann"))
        #expect(try await client.get("/user").text == "ann")
        client = self.later(client)
        #expect(try await client.get("/").text == "nobody -")
        #expect(self.thefts.users.withLock { $0.isEmpty })
    }

    @Test("ask for a proof of the last ten minutes: a copied session gets no token")
    func freshLogin() async throws {
        var client = self.made.client()
        _ = try await client.post("/login")
        self.made.time.advance(by: .seconds(590))
        #expect(try await client.post("/remember").text == "true")
        self.made.time.advance(by: .seconds(20))
        #expect(try await client.post("/remember").status == 403)
    }

    @Test(
        "end with the session that they come from when there are copies of that; a token used by then ends all",
        arguments: [false, true]
    )
    func provenCopy(isUsed: Bool) async throws {
        var owner = self.made.client()
        _ = try await owner.post("/login")
        var elsewhere = self.made.client()
        _ = try await elsewhere.post("/login")
        // The thief holds the session and asks for a token of their own, while the login is fresh.
        var thief = owner
        #expect(try await thief.post("/remember").text == "true")
        var token = self.later(thief)
        if isUsed { #expect(try await token.get("/").text == "ann 0") }
        let session = token
        // The owner moves on, and the thief shows what the owner's jar has lost.
        for _ in 0..<4 {
            self.made.time.advance(by: .seconds(400))
            #expect(try await owner.get("/user").text == "ann")
        }
        #expect(try await thief.get("/user").text == "nobody")
        token = self.later(session)
        #expect(try await token.get("/").text == "nobody -")
        var begun = session
        begun.cookies[Self.cookie] = nil
        #expect(try await begun.get("/user").text == "nobody")
        #expect(try await elsewhere.get("/user").text == (isUsed ? "nobody" : "ann"))
        #expect(self.thefts.users.withLock { $0 } == (isUsed ? ["ann"] : []))
    }

    @Test("are let in without a login when their user has too many sessions")
    func tooManySessions() async throws {
        let made = try SessionApplication {
            $0.sessionsPerUser = 1
            $0.sessionsPerUserPolicy = .refuse
        }
        made.app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "\(try await request.session.rememberMe())"
        }
        made.app.get("/") { request in
            _ = try await request.session.logInIfRemembered()
            return try await request.session.user ?? "nobody"
        }
        var client = made.client()
        _ = try await client.post("/login")
        client = self.later(client)
        #expect(try await client.get("/").text == "nobody")
        #expect(client.cookies[Self.cookie] != nil)
    }

    @Test("are not remembered without a login, nor over plain HTTP, nor by a token that was never given")
    func refused() async throws {
        var client = self.made.client()
        #expect(try await client.post("/remember").status == 401)
        _ = try await client.post("/login")
        var forged = self.later(client)
        let token = try #require(forged.cookies[Self.cookie])
        forged.cookies[Self.cookie] = token.prefix(75) + (token.last == "A" ? "B" : "A")
        #expect(try await forged.get("/").text == "nobody -")
        var plain = self.later(client).thief()
        plain.isSecure = false
        #expect(try await plain.get("/").text == "nobody -")
        #expect(try await plain.post("/login").status == 403)
        // Neither has ended anything.
        client = self.later(client)
        #expect(try await client.get("/").text == "ann 0")
        #expect(self.thefts.users.withLock { $0.isEmpty })
    }
}
