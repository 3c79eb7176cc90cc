import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

// The examples of the page Testing-your-application. GuideExamplesTests compares them with the page line by line.

private func register(on app: Application) {
    app.add(middleware: CSRFProtection())
    app.get("/visits") { request in
        let visits = try await request.session.update(SessionKey<Int>("visits"), default: 0) { visits in
            visits += 1
            return visits
        }
        return "\(visits)\n"
    }
    app.get("/note") { request in
        Response.html(
            "<form method=\"post\"><input type=\"hidden\" name=\"csrf_token\" value=\"\(try await request.session.csrfToken)\"></form>"
        )
    }
    app.post("/note") { _ in Response.redirect(to: "/visits") }
    app.post("/login") { request in
        try await request.session.logIn(as: try await request.form().first(named: "user") ?? "")
        return "in\n"
    }
    app.get("/account") { request in
        try await request.session.require(.password)
        return "account of \(try await request.session.user ?? "")\n"
    }
    app.post("/api/notes") { request in
        try Response.json(await request.decodeJSON(Note.self), status: .created)
    }
    app.post("/pictures") { request in
        try await request.decodeMultipart(Picture.self).title
    }
}

@Suite("The examples of the page on tests")
struct TestingExampleTests {
    @Test("visits are counted for each client")
    func visits() async throws {
        let clock = ManualClock()
        let app = try Application(configuration: .testing(), clock: clock)
        register(on: app)  // the application's own function that registers its handlers

        try await app.test { client in
            let first = try await client.get("/visits")
            #expect(first.text == "1\n")
            clock.advance(by: .seconds(60))
            #expect(try await client.get("/visits").text == "2\n")

            var other = TestClient(app)
            #expect(try await other.get("/visits").text == "1\n")
        }
    }

    @Test("settings without a name are set before the application is made")
    func securityHeaders() async throws {
        var configuration = try ApplicationConfiguration.testing()
        configuration.securityHeaders = .recommended
        let app = try Application(configuration: configuration)
        register(on: app)
        var client = TestClient(app)
        #expect(try await client.get("/visits").header(.xContentTypeOptions) == "nosniff")
    }

    @Test("a form needs its token, and leads to the next page")
    func form() async throws {
        let app = try Application(configuration: .testing())
        register(on: app)
        var client = TestClient(app)
        #expect(try await client.post("/note", form: ["text": "tea"]).status == 403)

        let page = try await client.get("/note")
        client.followsRedirections = true
        #expect(try await client.post("/note", form: ["csrf_token": page.csrfToken, "text": "tea"]).text == "1\n")
        #expect(try await client.post("/note", form: ["csrf_token": page.csrfToken], from: "https://evil.example").status == 403)
    }

    @Test("a thief of all cookies gets nothing in another browser")
    func thief() async throws {
        let app = try Application(configuration: .testing())
        register(on: app)
        var client = TestClient(app)
        let token = try await client.get("/note").csrfToken
        #expect(try await client.post("/login", form: ["csrf_token": token, "user": "ann"]).status == 200)

        var thief = client.thief()
        thief.userAgent = "Thief/1.0"
        #expect(try await thief.get("/account").status == 401)
        #expect(try await client.get("/account").text == "account of ann\n")
    }

    @Test("bodies of all kinds are sent")
    func bodies() async throws {
        let app = try Application(configuration: .testing(["PARANOID_BODY_LIMIT": "65536"]))
        register(on: app)
        var client = TestClient(app)
        let token = try await client.get("/note").csrfToken

        let answer = try await client.post("/api/notes", .json(Note(text: "tea")), headers: ["X-CSRF-Token": token])
        #expect(answer.status == 201)
        #expect(try answer.decode(Note.self).text == "tea")

        let picture = TestBody.Part.file("picture", named: "a.png", type: "image/png", [1, 2, 3])
        let form = TestBody.multipart([.field("csrf_token", token), .field("title", "A"), picture])
        #expect(try await client.post("/pictures", form).text == "A")
    }
}
