import FoundationEssentials
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@testable import GuestBook

@Suite("The guest book")
struct GuestBookTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3]
    private let directory: TemporaryDirectory
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        self.app = try Application(configuration: .testing())
        try GuestBook(self.environment()).register(on: self.app)
    }

    /// The settings with an administrator whose password stands in a file.
    private func environment(password: String = "battery staple") throws -> [String: String] {
        let file = "\(self.directory.path)/password"
        try Data("\(password)\n".utf8).write(to: URL(filePath: file))
        return ["GUESTBOOK_DIRECTORY": self.directory.path, "GUESTBOOK_ADMIN": "root", "GUESTBOOK_ADMIN_PASSWORD_FILE": file]
    }

    private func administrator(password: String = "battery staple") async throws -> TestClient {
        var client = TestClient(self.app)
        client.followsRedirections = true
        let form = ["csrf_token": try await client.get("/login").csrfToken, "name": "root", "password": password]
        #expect(try await client.post("/login", form: form).text.contains("Welcome back, root."))
        return client
    }

    private func visitor(_ name: String) async throws -> TestClient {
        var client = TestClient(self.app)
        client.followsRedirections = true
        let form = ["csrf_token": try await client.get("/register").csrfToken, "name": name, "password": "correct horse"]
        #expect(try await client.post("/register", form: form).text.contains("Welcome, \(name)."))
        return client
    }

    private func sign(_ client: inout TestClient, _ text: String, _ picture: [UInt8]? = nil) async throws -> TestResponse {
        var parts: [TestBody.Part] = [.field("csrf_token", try await client.get("/").csrfToken), .field("text", text)]
        if let picture { parts.append(.file("picture", named: "../a.png", type: "image/png", picture)) }
        return try await client.post("/entries", .multipart(parts))
    }

    @Test("shows entries with their text as text, the newest first")
    func entries() async throws {
        var ann = try await self.visitor("ann")
        #expect(try await self.sign(&ann, "first").text.contains("Thank you for your entry."))
        _ = try await self.sign(&ann, "<script>alert(1)</script>")
        var reader = TestClient(self.app)
        let page = try await reader.get("/").text
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script>"))
        let newer = try #require(page.firstRange(of: "alert")?.lowerBound)
        let older = try #require(page.firstRange(of: "<p>first</p>")?.lowerBound)
        #expect(newer < older)
        #expect(!page.contains("Thank you"))
    }

    @Test("asks for a login, a token and a text, and says what is missing")
    func refusals() async throws {
        var stranger = TestClient(self.app)
        let token = try await stranger.get("/").csrfToken
        #expect(token.isEmpty)
        let login = try await stranger.get("/login").csrfToken
        let entry = TestBody.multipart([.field("csrf_token", login), .field("text", "x")])
        #expect(try await stranger.post("/entries", entry).status == 401)
        var ann = try await self.visitor("ann")
        #expect(try await ann.post("/entries", .multipart([.field("text", "x")])).status == 403)
        #expect(try await self.sign(&ann, "  ").status == 422)
    }

    @Test("lets in with the right password only, and stores none")
    func passwords() async throws {
        _ = try await self.visitor("ann")
        var client = TestClient(self.app)
        client.followsRedirections = true
        for (name, password, isRight) in [("ann", "wrong horse", false), ("bob", "correct horse", false), ("Ann", "correct horse", true)] {
            let form = ["csrf_token": try await client.get("/login").csrfToken, "name": name, "password": password]
            #expect(try await client.post("/login", form: form).text.contains("Welcome back, ann.") == isRight)
        }
        let again = ["csrf_token": try await client.get("/").csrfToken, "name": "ANN", "password": "another horse"]
        #expect(try await client.post("/register", form: again).status == 409)
        let short = ["csrf_token": try await client.get("/").csrfToken, "name": "x", "password": "short"]
        let answer = try await client.post("/register", form: short, headers: ["Accept": "text/html"])
        #expect(answer.status == 422 && answer.text.contains("at least 10 characters") && answer.text.contains("2 to 30"))
    }

    @Test("keeps pictures that are pictures, under a name of its own")
    func pictures() async throws {
        var ann = try await self.visitor("ann")
        #expect(try await self.sign(&ann, "no picture", Array("<svg onload=alert(1)>".utf8)).status == 422)
        let page = try await self.sign(&ann, "with a picture", Self.png).text
        let path = try #require(page.split(separator: "src=\"").dropFirst().first?.prefix { $0 != "\"" })
        let picture = try await ann.get(String(path))
        #expect(picture.body == Self.png && picture.header(.contentType) == "image/png")
        for wrong in ["/pictures/x", "/pictures/"] { #expect(try await ann.get(wrong).status == 404) }
        let other = try await ann.get("/pictures/..%2Fusers").status
        #expect(other == 400 || other == 404)
    }

    @Test("lets the administrator delete, and nobody else")
    func administration() async throws {
        var ann = try await self.visitor("ann")
        _ = try await self.sign(&ann, "to be deleted", Self.png)
        let id = try #require(try await ann.get("/api/entries").decode([Entry].self).first?.id)
        let path = "/admin/entries/\(id)/delete"
        var token = ["csrf_token": try await ann.get("/").csrfToken]
        #expect(try await ann.post(path, form: token).status == 403)
        var root = try await self.administrator()
        #expect(try await root.get("/").text.contains(path))
        token = ["csrf_token": try await root.get("/").csrfToken]
        #expect(try await root.post(path, form: token).text.contains("The entry is deleted."))
        #expect(try await root.get("/api/entries").text == "[]")
        #expect(try await root.get("/pictures/\(id)").status == 404)
    }

    @Test("gives the administrator's name to nobody who registers, in any spelling", arguments: ["root", "ROOT", "Root"])
    func reservedName(_ name: String) async throws {
        var client = TestClient(self.app)
        let form = ["csrf_token": try await client.get("/register").csrfToken, "name": name, "password": "correct horse"]
        #expect(try await client.post("/register", form: form).status == 409)
        _ = try await self.administrator()
    }

    @Test("takes the administrator's password from the operator's file, also for a name that a visitor had before")
    func administratorsAccount() async throws {
        #expect(throws: SetupError.self) { try GuestBook(["GUESTBOOK_DIRECTORY": self.directory.path, "GUESTBOOK_ADMIN": "root"]) }
        #expect(throws: SetupError.self) { try GuestBook(self.environment(password: "short")) }
        _ = try await self.visitor("ann")
        var environment = try self.environment(password: "another staple")
        environment["GUESTBOOK_ADMIN"] = "Ann"
        let files = try GuestBook(environment).files
        #expect(try files.user("ann", password: "correct horse") == nil)
        #expect(try files.user("ann", password: "another staple") == "Ann")
    }

    @Test("speaks JSON to programs, errors included")
    func interface() async throws {
        var ann = try await self.visitor("ann")
        let token = try await ann.get("/").csrfToken
        let headers = ["X-CSRF-Token": token, "Accept": "application/json"]
        let created = try await ann.post("/api/entries", .json(["text": "from a program"]), headers: headers)
        #expect(created.status == 201)
        #expect(try created.decode(Entry.self).author == "ann")
        let empty = try await ann.post("/api/entries", .json(["text": ""]), headers: headers)
        #expect(empty.status == 422 && empty.header(.contentType) == "application/problem+json")
        #expect(try await ann.post("/api/entries", .json(["words": "x"]), headers: headers).status == 400)
    }
}
