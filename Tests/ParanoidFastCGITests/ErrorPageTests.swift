import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import Testing

extension SessionKey<String> {
    fileprivate static var note: Self { Self("note") }
    fileprivate static var shown: Self { Self("shown") }
}

@Suite("Errors and sessions")
struct ErrorPageTests {
    private struct Failing: Error {}

    /// Makes a page of every error, as many applications do.
    private struct ErrorPages: HTTPMiddleware {
        func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
            do {
                return try await next.handle(request)
            } catch {
                try await request.session.set(.shown, to: "yes")
                return Response.html("<h1>Sorry</h1>")
            }
        }
    }

    /// Changes the session before the handler, and fails where it is told to.
    private struct Noting: HTTPMiddleware {
        var fails = false
        func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
            try await request.session.set(.note, to: "middleware")
            if self.fails { throw Failing() }
            return try await next.handle(request)
        }
    }

    private func routes(of app: Application) {
        app.get("/note") { request in
            "\(try await request.session.value(.note) ?? "-") \(try await request.session.value(.shown) ?? "-")"
        }
        app.post("/throws") { request -> String in
            try await request.session.set(.note, to: "handler")
            throw Failing()
        }
        app.group("/failing", middleware: [Noting(fails: true)]).post("/x") { _ in "" }
        app.group("/noting", middleware: [Noting()]).post("/throws") { _ -> String in throw Failing() }
        app.post("/bad-response") { request in
            try await request.session.set(.note, to: "handler")
            return Response.redirect(to: "a\r\nb")
        }
    }

    @Test(
        "A middleware that makes a page of an error commits nothing of what failed, and what it sets itself",
        arguments: ["/throws", "/failing/x", "/noting/throws"]
    )
    func caught(_ path: String) async throws {
        let made = try SessionApplication()
        made.app.add(middleware: ErrorPages())
        self.routes(of: made.app)
        var client = made.client()
        let answer = try await client.post(path)
        #expect(answer.text == "<h1>Sorry</h1>")
        #expect(try await client.get("/note").text == "- yes")
    }

    @Test(
        "The hook gets every error after the session's changes are gone",
        arguments: ["/throws", "/failing/x", "/noting/throws", "/bad-response"]
    )
    func hooked(_ path: String) async throws {
        let made = try SessionApplication()
        self.routes(of: made.app)
        made.app.onError { failure, request in
            let note = try await request.session.value(.note)
            try await request.session.set(.shown, to: "yes")
            return Response.text("hook \(failure.status.code) \(note ?? "-")", status: failure.status)
        }
        var client = made.client()
        let answer = try await client.post(path)
        #expect(answer.text == "hook 500 -")
        #expect(try await client.get("/note").text == "- yes")
    }

    @Test("The hook makes the responses that no route gives, outside of all middleware")
    func unrouted() async throws {
        let made = try SessionApplication()
        self.routes(of: made.app)
        made.app.onError { failure, _ in Response.text("hook \(failure.status.code)", status: failure.status) }
        var client = made.client()
        #expect(try await client.get("/nowhere").text == "hook 404")
        #expect(try await client.post("/note").text == "hook 405")
        #expect(try await client.post("/note").header(.allow) == "GET, HEAD, OPTIONS")
        #expect(try await client.get("/a/../b").text == "hook 400")
    }

    @Test("A refusal can lead to the login page")
    func refusal() async throws {
        let made = try SessionApplication()
        made.app.get("/account") { request in
            try await request.session.require(.password)
            return "account"
        }
        made.app.onError { failure, _ in
            guard (failure.error as? RequestRefusal)?.reason == .notLoggedIn else { return failure.response }
            return Response.redirect(to: "/login")
        }
        var client = made.client()
        #expect(try await client.get("/account").header(.location) == "/login")
    }

    @Test("HTTPS that is missing is said before the handler runs, and the response names the parameter")
    func missingHTTPS() async throws {
        let made = try SessionApplication()
        made.app.add(middleware: CSRFProtection())
        let accounts = Mutex(0)
        let handler: @Sendable (Request) async throws -> String = { request in
            accounts.withLock { $0 += 1 }
            try await request.session.set(.note, to: "account")
            return "made"
        }
        made.app.post("/accounts", use: handler)
        made.app.delete("/accounts", use: handler)
        made.app.get("/read") { _ in "read" }
        var client = made.client()
        client.isSecure = false
        let answer = try await client.post("/accounts")
        #expect(answer.status == 403)
        #expect(answer.text.contains("parameter HTTPS"))
        #expect(try await client.send(.delete, "/accounts").status == 403)
        #expect(accounts.withLock { $0 } == 0)
        #expect(try await client.get("/read").text == "read")
        client.isSecure = true
        // Over HTTPS it is the token that is missing.
        let other = try await client.post("/accounts")
        #expect(other.status == 403 && !other.text.contains("parameter HTTPS"))
    }

    @Test("Over plain HTTP a path that the guard does not check is served, and every path where sessions may be used there")
    func plainHTTP() async throws {
        let unchecked = try SessionApplication { $0.sessions.checks = { $0.path != "/hook" } }
        unchecked.app.post("/hook") { _ in "hook" }
        var client = unchecked.client()
        client.isSecure = false
        #expect(try await client.post("/hook").text == "hook")
        let plain = try SessionApplication { $0.sessions = SessionSettings(profile: .compatible) }
        plain.app.post("/hook") { _ in "hook" }
        client = plain.client()
        client.isSecure = false
        #expect(try await client.post("/hook").text == "hook")
    }
}
