import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Files as responses")
struct FileResponseTests {
    private let made: SessionApplication
    private let directory: TemporaryDirectory

    init() throws {
        self.made = try SessionApplication()
        self.directory = try TemporaryDirectory()
        let path = self.directory.path
        try Data((0..<600_000).map { UInt8(truncatingIfNeeded: $0 % 251) }).write(to: URL(filePath: "\(path)/data"))
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 784_111_777)], ofItemAtPath: "\(path)/data")
        try FileManager.default.createSymbolicLink(atPath: "\(path)/link", withDestinationPath: "\(path)/data")
        self.made.app.get("/{name}") { request in
            try Response.file("\(path)/\(request.pathParameter("name") ?? "")", for: request, contentType: "a/b")
        }
    }

    private func get(_ path: String, _ headers: [String: String] = [:]) async throws -> TestResponse {
        var client = TestClient(self.made.app)
        return try await client.send(.get, path, headers: headers)
    }

    @Test("have validators, conditions and ranges")
    func served() async throws {
        let whole = try await self.get("/data")
        #expect(whole.status == 200 && whole.body.count == 600_000)
        #expect(whole.header(.contentType) == "a/b")
        #expect(whole.header(.lastModified) == "Sun, 06 Nov 1994 08:49:37 GMT")
        let tag = try #require(whole.header(.eTag))
        #expect(!tag.hasPrefix("W/"))
        #expect(try await self.get("/data", ["If-None-Match": tag]).status == 304)
        #expect(try await self.get("/data", ["If-Match": "\"other\""]).status == 412)
        let part = try await self.get("/data", ["Range": "bytes=250-299999", "If-Range": tag])
        #expect(part.status == 206 && part.body == Array(whole.body[250..<300_000]))
        #expect(try await self.get("/data", ["Range": "bytes=600000-"]).status == 416)
        let parts = try await self.get("/data", ["Range": "bytes=0-9,599990-"])
        #expect(parts.status == 206 && parts.body.count == parts.response.body.length)
    }

    @Test("that were written a moment ago have a weak tag, as they may change within it")
    func fresh() async throws {
        try Data("new".utf8).write(to: URL(filePath: "\(self.directory.path)/fresh"))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: 60)],
            ofItemAtPath: "\(self.directory.path)/fresh"
        )
        #expect(try await self.get("/fresh").header(.eTag)?.hasPrefix("W/") == true)
    }

    @Test("are regular files and nothing else", arguments: ["/absent", "/link", "/%2E%2E%2Fx", "/"])
    func refused(_ path: String) async throws {
        #expect([404, 400].contains(try await self.get(path).status))
    }
}
