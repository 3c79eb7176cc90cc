import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("The examples of the guides")
struct GuideExamplesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func lines(of path: String) throws -> [String] {
        try String(contentsOf: self.root.appending(path: path), encoding: .utf8).split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }

    /// Lines of manifests, which no test compiles.
    private static let manifestLines = [
        #".testTarget(name: "AppTests", dependencies: ["App", .product(name: "ParanoidFastCGITesting", package: "ParanoidFastCGI")])"#,
        #".package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),"#,
        #".product(name: "Crypto", package: "swift-crypto"),"#,
        #".product(name: "CryptoExtras", package: "swift-crypto"),"#,
        #".package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),"#,
        #".package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),"#,
        #".package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.0"),"#,
        #".product(name: "Mustache", package: "swift-mustache"),"#,
    ]

    /// The sources that pages quote: those of these tests, and those of the examples.
    private static let sources: [String] = {
        let tests = ["GuideExamples.swift", "LoggingInExampleTests.swift", "TestingExampleTests.swift"]
        let folders = ["Sources/Examples/GuestBook", "Sources/Examples/Notes/Sources/Notes"]
        return tests.map { "Tests/ParanoidFastCGITests/\($0)" }
            + folders.flatMap { folder in
                let names = try? FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: folder).path)
                return (names ?? []).map { "\(folder)/\($0)" }
            }
    }()

    @Test(
        "are lines of programs that the tests compile",
        arguments: [
            "Handlers-and-routing", "Sessions", "Logging-in", "Forms-and-CSRF", "Messages", "Errors", "Bodies-and-uploads",
            "Files-ranges-and-events", "Testing-your-application", "Middleware", "Protecting-other-programs",
            "Hashing-passwords", "Database", "Templates", "Metrics-and-tracing",
        ]
    )
    func compiled(_ page: String) throws {
        var compiled = Set(try Self.sources.flatMap { try Self.lines(of: $0) })
        compiled.formUnion(Self.manifestLines)
        var isInCode = false
        var code: [String] = []
        for line in try Self.lines(of: "Sources/ParanoidFastCGI/Documentation.docc/Guides/\(page).md") {
            if line.hasPrefix("```") {
                isInCode = line == "```swift"
            } else if isInCode {
                code.append(line)
            }
        }
        #expect(!code.isEmpty)
        #expect(code.filter { !compiled.contains($0) } == [])
    }

    @Test("begin with the program of HelloWorld")
    func firstProgram() throws {
        let program = try Self.lines(of: "Sources/Examples/HelloWorld/main.swift")
        let page = try Self.lines(of: "Sources/ParanoidFastCGI/Documentation.docc/Start/Getting-started.md")
        let begin = try #require(page.firstIndex(of: "import ParanoidFastCGI"))
        #expect(Array(page[begin...].prefix(while: { $0 != "```" })) == program)
    }

    @Test("of handlers and routing answer")
    func handlersAndRouting() async throws {
        let made = try SessionApplication()
        GuideExamples.handlersAndRouting(made.app)
        var client = made.client()
        #expect(try await client.get("/users/7").text == "user 7\n")
        #expect(try await client.get("/files/a/b").text == "a/b")
        #expect(try await client.get("/users").status == 404)
        for id in ["x", "+7", "007", "7.0", "99999999999999999999"] { #expect(try await client.get("/users/\(id)").status == 404) }
        #expect(try await client.get("/admin/notes").status == 405)
        let badge = try await client.get("/badge.svg")
        #expect(badge.header(.contentType) == "image/svg+xml" && badge.header(.init("X-Robots-Tag")!) == "noindex")
        #expect(badge.text.hasPrefix("<svg"))
    }

    @Test("of templates set a policy for all pages")
    func templates() async throws {
        let made = try SessionApplication { try? GuideExamples.templates(&$0) }
        made.app.get("/") { _ in Response.html("<p>") }
        var client = made.client()
        let policy = try await client.get("/").header(.contentSecurityPolicy)
        #expect(policy == "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
    }

    @Test("of sessions keep a cart")
    func sessions() async throws {
        let made = try SessionApplication()
        GuideExamples.sessions(made.app)
        var client = made.client()
        #expect(try await client.post("/cart/tea").text == "1 items\n")
        #expect(try await client.post("/cart/milk").text == "2 items\n")
        #expect(try await client.get("/cart").text == "tea\nmilk")
        #expect(try await client.get("/account").status == 303)
    }

    @Test("of forms need their token")
    func forms() async throws {
        let made = try SessionApplication()
        GuideExamples.forms(made.app)
        var client = made.client()
        let page = try await client.get("/note").text
        let token = String(try #require(page.split(separator: "value=\"").dropFirst().first?.split(separator: "\"").first))
        #expect(try await client.post("/note", form: ["text": "tea"]).status == 403)
        #expect(try await client.post("/note", form: ["csrf_token": token, "text": "tea"]).text == "saved tea\n")
    }

    @Test("of uploads read files and bodies")
    func uploads() async throws {
        let made = try SessionApplication()
        GuideExamples.uploads(made.app, Pictures())
        var client = TestClient(made.app)
        let form = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n\u{1}\u{2}\r\n--B--"
        let type = ["Content-Type": "multipart/form-data; boundary=B"]
        #expect(try await client.send(.post, "/checksums", .bytes(form.utf8), headers: type).text == "f 3")
        #expect(try await client.send(.post, "/import", .bytes([1, 2, 3])).text == "3 bytes\n")
        let fields = "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nx\r\n--B--"
        #expect(try await client.send(.post, "/pictures", .bytes(fields.utf8), headers: type).text == "no picture\n")
    }

    @Test("of files answer conditions and send events")
    func files() async throws {
        let made = try SessionApplication()
        GuideExamples.files(made.app, Pages())
        var client = TestClient(made.app)
        #expect(try await client.send(.get, "/pages/a", headers: ["If-None-Match": "\"7\""]).status == 304)
        #expect(try await client.send(.put, "/pages/a", headers: ["If-Match": "\"6\""]).status == 412)
        #expect(try await client.send(.put, "/pages/a", headers: ["If-Match": "\"7\""]).text == "changed\n")
        #expect(try await client.get("/reports/1").status == 404)
        #expect(try await client.get("/downloads/a").status == 401)
        let events = try await client.send(.get, "/events", headers: ["Last-Event-Id": "2"]).text
        // On a busy machine there may be a heartbeat more.
        #expect(events.hasPrefix(":\n\n") && events.replacing(":\n\n", with: "") == "id: 3\ndata: event 2\n\n")
    }

    @Test("of errors make pages")
    func errors() async throws {
        let made = try SessionApplication()
        GuideExamples.errors(made.app)
        made.app.get("/account") { request in
            try await request.session.require(.password)
            return "account"
        }
        var client = made.client()
        #expect(try await client.get("/nowhere").text == "<h1>There is no such page</h1>")
        #expect(try await client.get("/account").header(.location) == "/login")
        #expect(try await client.post("/names/ann").text == "It is yours.\n")
        let taken = try await client.post("/names/ann")
        #expect(taken.status == 409 && taken.text == "This name is taken.\n")
        #expect(
            try await client.post("/entries", form: ["name": "", "text": "tea"]).text
                == "Some fields are not valid.\nname: cannot be empty\n"
        )
        #expect(try await client.post("/entries", form: ["text": "tea"]).status == 400)
        let again = try await client.post("/comments", form: ["name": "ann", "text": ""])
        #expect(again.status == 422)
        #expect(again.text == "<p>text cannot be empty</p>")
        #expect(try await client.post("/comments", form: ["name": "ann", "text": "tea"]).status == 303)
    }

    @Test("of errors give every client of an interface problem details")
    func problems() async throws {
        let made = try SessionApplication()
        GuideExamples.errorsOfAnInterface(made.app)
        var client = made.client()
        let problem = try await client.get("/api/none")
        #expect(problem.status == 404)
        #expect(problem.header(.contentType) == "application/problem+json")
        #expect(problem.text == #"{"detail":"Not Found","errors":[],"status":404,"title":"Not Found"}"#)
        #expect(try await client.get("/none").header(.contentType) == "text/plain; charset=utf-8")
    }

    @Test("of middleware refuse, limit and let others ask")
    func middleware() async throws {
        let made = try SessionApplication()
        GuideExamples.middleware(made.app)
        GuideExamples.times(made.app, Search())
        var client = made.client()
        client.parameters["HTTP_HOST"] = "evil.example"
        #expect(try await client.get("/search?q=tea").status == 400)
        client.parameters["HTTP_HOST"] = "www.shop.example"
        #expect(try await client.get("/search?q=tea").text == "results for tea\n")
        let asked = ["Origin": "https://partner.example", "Access-Control-Request-Method": "PUT"]
        let preflight = try await client.send(.options, "/api/notes", headers: asked)
        #expect(preflight.header(.accessControlAllowOrigin) == "https://partner.example")
    }

    @Test("of limits count logins by name, and of a gate ask for more than a user")
    func limits() async throws {
        let made = try SessionApplication()
        GuideExamples.limits(made.app)
        GuideExamples.gate(made.app)
        var client = made.client()
        for _ in 0..<5 { #expect(try await client.post("/login", form: ["name": "anna", "password": "right"]).status == 200) }
        client.parameters["ORIGINAL_URI"] = "/php/x"
        #expect(try await client.get("/gate").status == 204)
        client.parameters["ORIGINAL_URI"] = "/php/admin/x"
        #expect(try await client.get("/gate").status == 403)
        #expect(try await client.post("/login", form: ["name": "anna", "password": "right"]).status == 429)
        #expect(try await client.post("/login", form: ["name": "berta", "password": "wrong"]).status == 403)
    }

    @Test("of messages leave one for the next page")
    func messages() async throws {
        let made = try SessionApplication()
        GuideExamples.messages(made.app)
        var client = made.client()
        #expect(try await client.post("/profile").status == 303)
        #expect(try await client.get("/profile").text == "success: Saved.")
        #expect(try await client.get("/profile").text == "")
    }
}
