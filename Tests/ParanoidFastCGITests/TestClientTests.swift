import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("The client for tests")
struct TestClientTests {
    private struct Note: Codable, Equatable {
        var text: String
    }

    private let clock = ManualClock()
    private let app: Application

    init() throws {
        self.app = try Application(configuration: .testing(), logger: .silent, clock: self.clock)
    }

    /// Has every GET request set these cookies, and answers with those that it presents.
    private func set(_ cookies: SetCookie...) {
        self.app.get("/{path*}") { request in
            var response = Response.text(request.header(.cookie) ?? "-")
            if request.query.first(named: "set") != nil { for cookie in cookies { response.setCookie(cookie) } }
            return response
        }
        self.app.post("/{path*}") { request in request.header(.cookie) ?? "-" }
    }

    @Test("sends a cookie to its path and below, the longest path first")
    func paths() async throws {
        self.set(
            try SetCookie(name: "a", value: "1"),
            try SetCookie(name: "b", value: "2", path: "/shop"),
            try SetCookie(name: "c", value: "3", path: nil)
        )
        try await self.app.test { client in
            _ = try await client.get("/shop/cart/tea?set")
            #expect(try await client.get("/shop/cart/milk").text == "c=3; b=2; a=1")
            #expect(try await client.get("/shop/cart").text == "c=3; b=2; a=1")
            #expect(try await client.get("/shop").text == "b=2; a=1")
            #expect(try await client.get("/shopping").text == "a=1")
        }
    }

    @Test("keeps secure cookies from plain HTTP, takes none from there, and replaces none from there")
    func secure() async throws {
        self.set(try SetCookie(name: "__Host-s", value: "1"), try SetCookie(name: "p", value: "2", secure: false))
        try await self.app.test { client in
            client.isSecure = false
            _ = try await client.get("/?set")
            #expect(try await client.get("/").text == "p=2")
            client.isSecure = true
            _ = try await client.get("/?set")
            #expect(try await client.get("/").text == "__Host-s=1; p=2")
            client.isSecure = false
            #expect(try await client.get("/").text == "p=2")
            var thief = client.thief()
            #expect(try await thief.get("/").text == "__Host-s=1; p=2")
        }
        let other = try Application(configuration: .testing(), logger: .silent)
        other.get("/secure") { _ in
            var response = Response.text("set")
            response.setCookie(try SetCookie(name: "x", value: "secure"))
            return response
        }
        other.get("/plain") { _ in
            var response = Response.text("set")
            response.setCookie(try SetCookie(name: "x", value: "plain", secure: false))
            return response
        }
        try await other.test { client in
            _ = try await client.get("/secure")
            client.isSecure = false
            _ = try await client.get("/plain")
            #expect(client.cookies == ["x": "secure"])
        }
    }

    @Test("sends a cookie with a domain to the hosts below it, and takes none for a domain that its host is not in")
    func domains() async throws {
        self.set(
            try SetCookie(name: "host", value: "1"),
            try SetCookie(name: "wide", value: "2", domain: "example"),
            try SetCookie(name: "foreign", value: "3", domain: "bank.example")
        )
        try await self.app.test { client in
            _ = try await client.get("/?set")
            #expect(try await client.get("/").text == "host=1; wide=2")
            client.parameters["HTTP_HOST"] = "blog.example:8443"
            #expect(try await client.get("/").text == "wide=2")
            #expect(client.thief().cookies == ["host": "1", "wide": "2"])
        }
    }

    @Test("forgets a cookie when its time is over, by the clock of the application")
    func ages() async throws {
        self.set(try SetCookie(name: "short", value: "1", maxAge: .seconds(10)), try SetCookie(name: "long", value: "2"))
        self.app.delete("/") { _ in
            var response = Response.text("deleted")
            response.setCookie(try SetCookie(name: "long", value: "", maxAge: .zero))
            return response
        }
        try await self.app.test { client in
            _ = try await client.get("/?set")
            self.clock.advance(by: .seconds(9))
            var thief = client.thief()
            #expect(try await client.get("/").text == "long=2; short=1")
            self.clock.advance(by: .seconds(1))
            #expect(try await client.get("/").text == "long=2")
            #expect(client.cookies == ["long": "2"])
            #expect(try await thief.get("/").text == "long=2; short=1")
            _ = try await client.send(.delete, "/")
            #expect(client.cookies.isEmpty)
        }
    }

    @Test("sends to another site's request the cookies that SameSite allows, and says where the request comes from")
    func sites() async throws {
        self.set(
            try SetCookie(name: "strict", value: "1", sameSite: .strict),
            try SetCookie(name: "lax", value: "2"),
            try SetCookie(name: "unsaid", value: "3", sameSite: nil),
            try SetCookie(name: "none", value: "4", sameSite: SetCookie.SameSite.none)
        )
        self.app.on(.put, "/") { request in
            "\(request.header(.origin) ?? "-") \(request.parameter("HTTP_SEC_FETCH_SITE") ?? "-")"
        }
        let all = "lax=2; none=4; strict=1; unsaid=3"
        try await self.app.test { client in
            _ = try await client.get("/?set")
            #expect(try await client.get("/").text == all)
            #expect(try await client.post("/").text == all)
            #expect(try await client.get("/", from: "https://evil.test").text == "lax=2; none=4; unsaid=3")
            #expect(try await client.post("/", from: "https://evil.test").text == "none=4")
            #expect(try await client.post("/", from: "null").text == "none=4")
            #expect(try await client.post("/", from: "http://shop.example").text == "none=4")
            #expect(try await client.post("/", from: "https://shop.example").text == all)
            #expect(try await client.post("/", from: "https://www.shop.example").text == all)
            #expect(try await client.send(.put, "/", from: "https://evil.test").text == "https://evil.test cross-site")
            #expect(try await client.send(.put, "/", from: "https://www.shop.example").text == "https://www.shop.example same-site")
            #expect(try await client.send(.put, "/", from: "https://shop.example").text == "https://shop.example same-origin")
            #expect(try await client.send(.put, "/").text == "- -")
        }
    }

    @Test("sends forms, JSON, files and bytes")
    func bodies() async throws {
        struct Upload: Decodable {
            var title: String
            var file: UploadedFile
        }
        self.app.post("/form") { request in try await request.form().first(named: "a&b") ?? "-" }
        self.app.post("/json") { request in try Response.json(await request.decodeJSON(Note.self), status: .created) }
        self.app.post("/file") { request in
            let upload = try await request.decodeMultipart(Upload.self)
            return "\(upload.title) \(upload.file.fileName) \(try upload.file.bytes().count)"
        }
        self.app.put("/bytes") { request in "\(try await request.body.collect().count) \(request.header(.contentType) ?? "-")" }
        try await self.app.test { client in
            #expect(try await client.post("/form", form: ["a&b": "tea = ü+1"]).text == "tea = ü+1")
            let answer = try await client.post("/json", .json(Note(text: "tea")))
            #expect(answer.status == 201)
            #expect(try answer.decode(Note.self) == Note(text: "tea"))
            let file = TestBody.Part.file("file", named: "a\"b.png", type: "image/png", [1, 2, 3])
            #expect(try await client.post("/file", .multipart([.field("title", "ü"), file])).text == "ü a%22b.png 3")
            #expect(try await client.send(.put, "/bytes", .bytes("abc".utf8, type: "a/b")).text == "3 a/b")
        }
    }

    @Test("follows redirections on demand, with the method that they ask for, and stays on its host")
    func redirections() async throws {
        self.app.get("/old/{page}") { request in
            Response.redirect(to: ["1": "/new?a#part", "2": "https://shop.example/new"][request.pathParameter("page") ?? ""] ?? "1")
        }
        self.app.get("/old/3") { request in
            request.query.first(named: "again") == nil ? Response.redirect(to: "?again") : Response.text("again")
        }
        self.app.get("/new") { _ in "new" }
        self.app.post("/new") { request in "\(try await request.form().first(named: "a") ?? "")" }
        self.app.post("/see-other") { _ in Response.redirect(to: "/new") }
        self.app.post("/repeat") { _ in Response.redirect(to: "/new", status: .temporaryRedirect) }
        self.app.get("/away") { _ in Response.redirect(to: "https://bank.example/") }
        self.app.get("/upgrade") { request in
            request.isSecure ? Response.text("secure") : Response.redirect(to: "https://shop.example/upgrade")
        }
        self.app.get("/loop") { _ in Response.redirect(to: "/loop") }
        try await self.app.test { client throws in
            #expect(try await client.get("/old/2").status == 303)
            client.followsRedirections = true
            for page in ["1", "2", "4"] { #expect(try await client.get("/old/\(page)").text == "new") }
            #expect(try await client.get("/old/3").text == "again")
            #expect(try await client.post("/see-other", form: ["a": "b"]).text == "new")
            #expect(try await client.post("/repeat", form: ["a": "b"]).text == "b")
            #expect(try await client.get("/away").header(.location) == "https://bank.example/")
            client.isSecure = false
            #expect(try await client.get("/upgrade").text == "secure")
            #expect(client.isSecure)
        }
        await #expect(throws: EndlessRedirection.self) {
            var client = TestClient(self.app)
            client.followsRedirections = true
            _ = try await client.get("/loop")
        }
    }

    @Test("finds the token of a page, wherever it stands")
    func token() async throws {
        self.app.add(middleware: CSRFProtection())
        self.app.get("/form") { request in
            Response.html(
                "<p>csrf_token</p><form><input value=\"\(try await request.session.csrfToken)\" type=\"hidden\" name=\"csrf_token\"></form>"
            )
        }
        self.app.get("/meta") { request in Response.html("<meta name=\"csrf_token\" content=\"\(try await request.session.csrfToken)\">") }
        self.app.get("/none") { _ in Response.html("<p>\"csrf_token\" value=\"x\"</p>") }
        self.app.post("/save") { _ in "saved" }
        try await self.app.test { client in
            for path in ["/form", "/meta"] {
                let token = try await client.get(path).csrfToken
                #expect(token.utf8.count == 64)
                #expect(try await client.post("/save", form: ["csrf_token": token]).text == "saved")
                #expect(try await client.post("/save", .json(["a": "b"]), headers: ["X-CSRF-Token": token]).text == "saved")
            }
            #expect(try await client.get("/none").csrfToken == "")
        }
    }

    @Test("has settings by name, and a directory of its own that goes with the application")
    func settings() async throws {
        let file: String
        do {
            let app = try Application(configuration: .testing(["PARANOID_BODY_LIMIT": "10"]), logger: .silent)
            app.post("/") { request in "\(try await request.body.collect().count)" }
            file = app.configuration.secretFile
            try await app.test { client throws in
                #expect(try await client.post("/", .bytes("0123456789".utf8)).text == "10")
                #expect(try await client.post("/", .bytes("0123456789a".utf8)).status == 413)
            }
            #expect(FileManager.default.fileExists(atPath: file))
        }
        #expect(!FileManager.default.fileExists(atPath: file))
        #expect(throws: ConfigurationError.self) { try ApplicationConfiguration.testing(["PARANOID_BODY_LIMIT": "x"]) }
    }
}
