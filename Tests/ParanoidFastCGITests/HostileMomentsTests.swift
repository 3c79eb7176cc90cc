import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@Suite("A session that another process ends while a request is under way")
struct EndedElsewhereTests {
    private static let visits = SessionKey<Int>("visits")

    private let directory: TemporaryDirectory
    private let clock = ManualClock()
    private let barrier = Barrier()

    init() throws { self.directory = try TemporaryDirectory() }

    /// One of two processes over one directory: each has what it has read for itself.
    private func makeApp() throws -> Application {
        let configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        let app = try Application(configuration: configuration, logger: .silent, clock: self.clock)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        app.post("/revoke-others") { request in "\(try await request.session.revokeOthers())" }
        app.get("/user") { request in try await request.session.user ?? "nobody" }
        app.get("/slow-user") { [barrier] request in
            let user = try await request.session.user ?? "nobody"
            await barrier.wait()
            return user
        }
        app.post("/rotate-and-wait") { [barrier] request in
            try await request.session.rotate()
            // Commits.
            try await request.session.update(Self.visits, default: 0) { $0 += 1 }
            await barrier.wait()
            return "rotated"
        }
        app.post("/slow/{act}") { [barrier] request in
            let session = request.session
            _ = try await session.user
            await barrier.wait()
            do {
                switch request.pathParameter("act") {
                case "update": try await session.update(Self.visits, default: 0) { $0 += 1 }
                case "set": try await session.set(Self.visits, to: 7)
                case "merge": try await session.merge(Self.visits, default: 0) { $0 += 1 }
                case "remove": try await session.remove(Self.visits)
                case "lifetime": try await session.setLifetime(.idle(.seconds(3600)))
                case "step-up": try await session.stepUp(to: .secondFactor)
                case "log-in": try await session.logIn(as: "ann")
                default: _ = try await session.rememberMe()
                }
                return "done"
            } catch let error as SessionError where error == .ended {
                return "ended"
            }
        }
        return app
    }

    private static func send(_ method: HTTPRequest.Method, _ path: String, as client: TestClient) async throws -> TestResponse {
        var client = client
        return try await client.send(method, path)
    }

    /// Logs out with the same cookies in another process.
    private func logOut(_ client: TestClient, in other: Application) async throws {
        var elsewhere = client
        elsewhere.application = other
        #expect(try await elsewhere.post("/logout").text == "out")
    }

    @Test(
        "takes nothing any more: each change fails, at once or with the answer, and no cookie is set",
        arguments: ["update", "set", "merge", "remove", "lifetime", "step-up", "log-in", "remember"],
        ["/logout", "/revoke-others"]
    )
    func changes(_ act: String, _ end: String) async throws {
        let (app, other) = (try self.makeApp(), try self.makeApp())
        var ann = TestClient(app, agent: "A")
        #expect(try await ann.post("/login").text == "in")
        let tab = ann
        async let slow = Self.send(.post, "/slow/\(act)", as: tab)
        await self.barrier.arrival()
        var elsewhere = end == "/logout" ? ann : TestClient(other, agent: "A")
        elsewhere.application = other
        if end != "/logout" { #expect(try await elsewhere.post("/login").text == "in") }
        #expect(try await elsewhere.post(end).status == 200)
        self.barrier.open()
        let answer = try await slow
        #expect(answer.text == "ended" || answer.status == 409, "\(answer.status) \(answer.text)")
        #expect(answer.response.cookies.isEmpty)
        let left = try await app.sessions.list(user: "ann")
        #expect(left.count == (end == "/logout" ? 0 : 1))
    }

    @Test("sets no cookie with an answer that only tells new values")
    func cookiesOnly() async throws {
        let (app, other) = (try self.makeApp(), try self.makeApp())
        var ann = TestClient(app, agent: "A")
        #expect(try await ann.post("/login").text == "in")
        self.clock.advance(by: .seconds(400))
        var first = ann
        #expect(try await !first.get("/user").response.cookies.isEmpty)
        let tab = ann
        async let slow = Self.send(.get, "/slow-user", as: tab)
        await self.barrier.arrival()
        try await self.logOut(ann, in: other)
        self.barrier.open()
        let answer = try await slow
        #expect(answer.text == "ann" && answer.response.cookies.isEmpty)
    }

    @Test("sets no cookie with the answer that would tell the new identifier")
    func rotation() async throws {
        let (app, other) = (try self.makeApp(), try self.makeApp())
        var ann = TestClient(app, agent: "A")
        #expect(try await ann.post("/login").text == "in")
        self.clock.advance(by: .seconds(20))
        let tab = ann
        async let slow = Self.send(.post, "/rotate-and-wait", as: tab)
        await self.barrier.arrival()
        // Shows the identifier from before.
        try await self.logOut(ann, in: other)
        self.barrier.open()
        let answer = try await slow
        #expect(answer.text == "rotated" && answer.response.cookies.isEmpty)
        #expect(try await ann.get("/user").text == "nobody")
        #expect(try await app.sessions.list(user: "ann").isEmpty)
    }
}

@Suite("A login whose handler does not come to its end")
struct UnfinishedLoginTests {
    @Test("is answered with its cookies where it was committed, and has not happened where it was not", arguments: [true, false])
    func cancelled(isCommitted: Bool) async throws {
        let scene = try VisitApplication()
        scene.app.on(.post, "/slow-login", timeout: .milliseconds(50)) { request in
            try await request.session.logIn(as: "ann")
            if isCommitted { try await request.session.update(VisitApplication.visits, default: 0) { $0 += 1 } }
            // Until the route's time is over.
            try await Task.sleep(for: .seconds(3600))
            return "never"
        }
        var visitor = scene.client()
        #expect(try await visitor.get("/visit").text == "1")
        let answer = try await visitor.post("/slow-login")
        #expect(answer.status == 503)
        #expect(try await visitor.get("/user").text == (isCommitted ? "ann accepted" : "nobody accepted"))
        #expect(try await visitor.get("/value").text == (isCommitted ? "2" : "1"))
    }
}

@Suite("Hooks of an application")
struct HostileHookTests {
    @Test("may end all sessions of the user whose session they release: nothing is stored then, and no cookie set")
    func revokes() async throws {
        let app = Mutex<Application?>(nil)
        let scene = try VisitApplication {
            $0.sessions.onChallenge = { _, challenge in
                let sessions = app.withLock { $0 }?.sessions
                _ = try? await sessions?.revokeAll(user: challenge.user ?? "")
                return .release
            }
        }
        app.withLock { $0 = scene.app }
        var ann = scene.client()
        #expect(try await ann.post("/login").text == "in")
        var moved = ann
        moved.userAgent = "curl/8"
        let before = moved.cookies
        #expect(try await moved.get("/visit").status == 409)
        #expect(try await moved.post("/rotate").response.cookies.isEmpty)
        #expect(moved.cookies == before)
        #expect(try await ann.get("/user").text == "nobody none")
        app.withLock { $0 = nil }
    }

    @Test(
        "see a request's session and change nothing of it, whatever they try",
        arguments: ["log-in", "log-out", "rotate", "update", "remember", "challenge", "revoke", "token"]
    )
    func changes(_ act: String) async throws {
        let refusals = Mutex<[String]>([])
        @Sendable func attempt(_ request: Request) async {
            let session = request.session
            do {
                switch act {
                case "log-in": try await session.logIn(as: "mallory")
                case "log-out": try await session.logOut()
                case "rotate": try await session.rotate()
                case "update": try await session.update(VisitApplication.visits, default: 0) { $0 += 1 }
                case "remember": _ = try await session.rememberMe()
                case "challenge": try await session.completeChallenge()
                case "revoke": _ = try await session.revokeOthers()
                default: _ = try await session.csrfToken
                }
                refusals.withLock { $0.append("nothing") }
            } catch {
                refusals.withLock { $0.append((error as? SessionError).map { "\($0 == .insideHook)" } ?? "\(type(of: error))") }
            }
        }
        let scene = try VisitApplication {
            $0.sessions.onChallenge = { request, _ in
                await attempt(request)
                return .withhold
            }
        }
        var ann = scene.client()
        #expect(try await ann.post("/login").text == "in")
        var moved = ann
        moved.userAgent = "curl/8"
        let before = moved.cookies
        #expect(try await moved.get("/user").text == "nobody challenged")
        #expect(moved.cookies == before)
        // With nobody logged in, as a withheld session is not seen, there is nobody to remember and nobody whose sessions could end.
        let expected = ["remember": "RequestRefusal", "revoke": "nothing"][act] ?? "true"
        #expect(refusals.withLock { $0 } == [expected])
        #expect(try await ann.get("/user").text == "ann accepted")
        #expect(try await ann.get("/value").text == "0")
    }
}

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

@Suite("A clock that steps beside sessions of a product")
struct SteppingClockTests {
    private static let hour = 3600
    private static let years = 10 * 31_536_000

    @Test(
        "costs nobody a login while it stays within the lifetimes, and a copy is found afterwards as before",
        arguments: [hour, -hour, -years, 11 * hour, -30 * 86_400]
    )
    func step(_ seconds: Int) async throws {
        let scene = try VisitApplication()
        var ann = scene.client().thief()
        #expect(try await ann.post("/login").text == "in")
        for _ in 0..<5 {
            scene.pass(7)
            #expect(try await ann.get("/user").text == "ann accepted")
        }
        scene.pass(seconds)
        for pause in [0, 1, 3, 7, 13, 13] {
            scene.pass(pause)
            #expect(try await ann.get("/user").text == "ann accepted", "\(pause) s later")
        }
        var copy = ann
        for _ in 0..<4 {
            scene.pass(14)
            #expect(try await ann.get("/user").text == "ann accepted")
        }
        scene.pass(7)
        #expect(try await copy.get("/user").text == "nobody challenged")
    }

    @Test("and comes back prolongs no session and leaves no login for ever", arguments: [-years, -hour])
    func back(_ seconds: Int) async throws {
        let scene = try VisitApplication()
        var ann = scene.client().thief()
        #expect(try await ann.post("/login").text == "in")
        scene.pass(seconds)
        #expect(try await ann.get("/user").text == "ann accepted")
        // The absolute end, counted from what the clock shows now.
        scene.pass(12 * Self.hour + 1)
        #expect(try await ann.get("/user").text.hasPrefix("nobody"))
    }
}

@Suite("Text with brackets")
struct BracketTests {
    @Test("is no nested value: a string of any brackets is stored as it is", arguments: ["[", "{", "]", "{[\"", "\\\""])
    func text(_ piece: String) async throws {
        let scene = try VisitApplication()
        let key = SessionKey<String>("text")
        let text = String(repeating: piece, count: 500)
        scene.app.post("/text") { request in
            try await request.session.set(key, to: text)
            return "set"
        }
        scene.app.get("/text") { request in try await request.session.value(key) ?? "-" }
        var client = scene.client()
        #expect(try await client.post("/text").text == "set")
        #expect(try await client.get("/text").text == text)
    }

    /// How the bytes of a text are written, with and without a mark before them.
    private enum Encoding: String, CaseIterable {
        case utf8, utf16BigEndian, utf16LittleEndian, utf32BigEndian, utf32LittleEndian

        func bytes(_ text: String, marked: Bool) -> [UInt8] {
            let scalars = (marked ? "\u{FEFF}" : "") + text
            switch self {
            case .utf8: return Array(scalars.utf8)
            case .utf16BigEndian: return scalars.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            case .utf16LittleEndian: return scalars.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
            case .utf32BigEndian: return scalars.unicodeScalars.flatMap { Self.word($0.value) }
            case .utf32LittleEndian: return scalars.unicodeScalars.flatMap { Self.word($0.value).reversed() }
            }
        }

        private static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    }

    private struct Nest: Decodable {
        let depth: Int

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            self.depth = list.isAtEnd ? 1 : try list.decode(Nest.self).depth + 1
        }
    }

    @Test(
        "in a body is counted in what the decoder reads: other encodings are refused, whatever their depth",
        arguments: [1, 64, 65, 512, 100_000]
    )
    func bodies(_ depth: Int) async throws {
        let scene = try VisitApplication()
        scene.app.post("/nest") { request in try await "\(request.decodeJSON(Nest.self).depth)" }
        var client = scene.client()
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        for encoding in Encoding.allCases {
            for marked in [false, true] {
                let body = TestBody.bytes(encoding.bytes(text, marked: marked), type: "application/json")
                let answer = try await client.post("/nest", body)
                let isRead = encoding == .utf8 && depth <= 64
                #expect(answer.status == (isRead ? 200 : 400), "\(encoding), \(marked ? "marked" : "plain")")
                if isRead { #expect(answer.text == "\(depth)") }
            }
        }
    }
}
