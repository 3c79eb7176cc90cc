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
