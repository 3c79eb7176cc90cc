import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Static files")
struct StaticFilesTests {
    private let made: SessionApplication
    private let directory: TemporaryDirectory

    init() throws {
        self.made = try SessionApplication()
        self.directory = try TemporaryDirectory()
        let root = self.directory.path
        let files = FileManager.default
        try files.createDirectory(atPath: "\(root)/public/sub/.git", withIntermediateDirectories: true)
        try Data("secret".utf8).write(to: URL(filePath: "\(root)/secret.txt"))
        try Data("body { }".utf8).write(to: URL(filePath: "\(root)/public/style.CSS"))
        try Data("<h1>index</h1>".utf8).write(to: URL(filePath: "\(root)/public/sub/index.html"))
        try Data("hidden".utf8).write(to: URL(filePath: "\(root)/public/.env"))
        try Data("hidden".utf8).write(to: URL(filePath: "\(root)/public/sub/.git/config"))
        try Data("a b".utf8).write(to: URL(filePath: "\(root)/public/a b\u{FC}.bin"))
        try files.createSymbolicLink(atPath: "\(root)/public/link.txt", withDestinationPath: "\(root)/secret.txt")
        try files.createSymbolicLink(atPath: "\(root)/public/up", withDestinationPath: root)
        self.made.app.add(middleware: StaticFiles("\(root)/public", below: "/static/"))
        self.made.app.get("/static/route") { _ in "route" }
        self.made.app.get("/") { _ in "home" }
    }

    private func send(_ path: String, _ method: HTTPRequest.Method = .get, _ fields: [String: String] = [:]) async throws
        -> TestResponse
    {
        var client = TestClient(self.made.app)
        return try await client.send(method, path, headers: fields)
    }

    @Test("have types, validators, conditions and ranges")
    func served() async throws {
        let style = try await self.send("/static/style.CSS")
        #expect(style.status == 200 && style.text == "body { }")
        #expect(style.header(.contentType) == "text/css; charset=utf-8")
        #expect(style.header(.xContentTypeOptions) == "nosniff")
        #expect(style.header(.cacheControl) == "no-cache")
        let tag = try #require(style.header(.eTag))
        #expect(try await self.send("/static/style.CSS", .get, ["If-None-Match": tag]).status == 304)
        let part = try await self.send("/static/style.CSS", .get, ["Range": "bytes=0-3"])
        #expect(part.status == 206 && part.text == "body")
        let other = try await self.send("/static/a%20b%C3%BC.bin")
        #expect(other.text == "a b" && other.header(.contentType) == "application/octet-stream")
        let head = try await self.send("/static/style.CSS", .head)
        #expect(head.status == 200 && head.body.isEmpty && head.response.body.length == 8)
    }

    @Test("leave routes alone, and say which methods they have")
    func others() async throws {
        #expect(try await self.send("/static/route").text == "route")
        #expect(try await self.send("/").text == "home")
        let refused = try await self.send("/static/style.CSS", .delete)
        #expect(refused.status == 405 && refused.header(.allow) == "GET, HEAD, OPTIONS")
        let asked = try await self.send("/static/style.CSS", .options)
        #expect(asked.status == 204 && asked.body.isEmpty && asked.header(.allow) == "GET, HEAD, OPTIONS")
        for method in [HTTPRequest.Method.post, .options] { #expect(try await self.send("/static/absent", method).status == 404) }
        #expect(try await self.send("/static/.env", .post).status == 404)
    }

    @Test("of a directory are its index, at an address that ends in a slash")
    func index() async throws {
        #expect(try await self.send("/static/sub/").text == "<h1>index</h1>")
        let redirect = try await self.send("/static/sub")
        #expect(redirect.status == 308 && redirect.header(.location) == "/static/sub/")
        #expect(try await self.send("/static/").status == 404)
    }

    @Test(
        "are below the directory, without links and names that begin with a dot",
        arguments: [
            "/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2Fsecret.txt", "/static/sub%2Findex.html", "/static/link.txt",
            "/static/up/secret.txt", "/static/up/", "/static/.env", "/static/%2Eenv", "/static/sub/.git/config", "/static//etc/passwd",
            "/static/sub//index.html", "/static/style.CSS/", "/static/style.CSS%00.png", "/staticstyle.CSS", "/static%2Fstyle.CSS",
            "/static/absent", "//static/style.CSS",
        ]
    )
    func refused(_ path: String) async throws {
        let received = try await self.send(path)
        #expect([400, 404].contains(received.status))
        #expect(!received.text.contains("secret") && !received.text.contains("hidden"))
    }
}
