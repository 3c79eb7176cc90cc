import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@Suite("A remembered login and a copy of the session that began with it")
struct CopiedRememberedSessionTests {
    private static let cookie = "__Host-remember"

    private let scene: VisitApplication

    init() throws {
        self.scene = try VisitApplication()
        let app = self.scene.app
        app.post("/stay") { request in
            try await request.session.logIn(as: "ann")
            return "\(try await request.session.rememberMe())"
        }
        app.get("/") { request in
            _ = try await request.session.logInIfRemembered()
            return try await request.session.user ?? "nobody"
        }
    }

    private func reopened(_ client: TestClient) -> TestClient {
        var client = client
        client.cookies = client.cookies.filter { $0.key == Self.cookie }
        return client
    }

    /// The owner goes on, so that a copy made before is one of values that the jar has left.
    private func goOn(_ owner: inout TestClient) async throws {
        for _ in 0..<4 {
            self.scene.pass(60)
            #expect(try await owner.get("/user").text == "ann accepted")
        }
    }

    @Test(
        "ends with the proof, for all who hold its token, and no other remembered login of the user does",
        arguments: [true, false],
        ["remembered", "password", "step"]
    )
    func proven(thiefHidesToken: Bool, _ login: String) async throws {
        var elsewhere = self.scene.client()
        #expect(try await elsewhere.post("/stay").text == "true")
        var owner = self.scene.client()
        #expect(try await owner.post("/stay").text == "true")
        self.scene.pass(400)
        owner = self.reopened(owner)
        switch login {
        case "remembered": #expect(try await owner.get("/").text == "ann")
        case "password": #expect(try await owner.post("/login").text == "in")
        default:
            #expect(try await owner.get("/").text == "ann")
            #expect(try await owner.post("/login").text == "in")
        }
        var thief = owner
        try await self.goOn(&owner)
        if thiefHidesToken { thief.cookies[Self.cookie] = nil }
        #expect(try await thief.get("/user").text == "nobody challenged")
        // The owner's browser shows all it has.
        #expect(try await owner.get("/user").text == "nobody challenged")
        var token = self.reopened(owner)
        #expect(try await token.get("/").text == "nobody")
        #expect(try await owner.post("/login").text == "in")
        #expect(try await owner.get("/user").text == "ann accepted")
        elsewhere = self.reopened(elsewhere)
        #expect(try await elsewhere.get("/").text == "ann")
        #expect(try self.scene.app.sessions.count(of: .tokenReuse) == 0)
    }

    @Test("ends at once where the session says what it began with: the thief who proves by showing the session alone gains no moment")
    func atOnce() async throws {
        var owner = self.scene.client()
        #expect(try await owner.post("/stay").text == "true")
        self.scene.pass(400)
        owner = self.reopened(owner)
        #expect(try await owner.get("/").text == "ann")
        var thief = owner
        var token = self.reopened(owner)
        try await self.goOn(&owner)
        thief.cookies[Self.cookie] = nil
        #expect(try await thief.get("/user").text == "nobody challenged")
        #expect(try await token.get("/").text == "nobody")
    }

    @Test("lets two who show one token at the same time in, and tells who is second later", arguments: [true, false])
    func parallel(isPasswordChanged: Bool) async throws {
        var owner = self.scene.client()
        #expect(try await owner.post("/stay").text == "true")
        self.scene.pass(400)
        owner = self.reopened(owner)
        let (tab, thief) = (owner, owner)
        async let second = Self.get("/", as: thief)
        let own = try await Self.get("/", as: tab)
        let copied = try await second
        #expect(own.text == "ann" && copied.text == "ann")
        owner = own.client
        var other = copied.client
        #expect(try self.scene.app.sessions.count(of: .tokenReuse) == 0)
        if isPasswordChanged {
            // In a third browser: both sessions, the one that the browser has closed, and the token end.
            var third = self.scene.client()
            #expect(try await third.post("/login").text == "in")
            #expect(try await third.post("/revoke-others").text == "3")
            for client in [owner, other] {
                var (session, token) = (client, self.reopened(client))
                #expect(try await session.get("/user").text == "nobody none")
                #expect(try await token.get("/").text == "nobody")
            }
            #expect(try await third.get("/user").text == "ann accepted")
        } else {
            for _ in 0..<2 {
                self.scene.pass(400)
                owner = self.reopened(owner)
                #expect(try await owner.get("/").text == "ann")
            }
            other = self.reopened(other)
            #expect(try await other.get("/").text == "nobody")
            #expect(try self.scene.app.sessions.count(of: .tokenReuse) == 1)
        }
    }

    private static func get(_ path: String, as client: TestClient) async throws -> (client: TestClient, text: String) {
        var client = client
        let text = try await client.get(path).text
        return (client, text)
    }
}
