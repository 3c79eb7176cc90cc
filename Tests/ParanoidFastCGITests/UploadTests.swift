import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Uploads")
struct UploadTests {
    private struct Picture: Decodable {
        var title: String
        var count: Int
        var picture: UploadedFile?
        var more: [UploadedFile]?
    }

    private static let type = ["Content-Type": "multipart/form-data; boundary=B"]
    private let made: SessionApplication
    private let directory: TemporaryDirectory

    init() throws {
        self.made = try SessionApplication()
        self.directory = try TemporaryDirectory()
        let path = self.directory.path
        self.made.app.post("/picture", bodyLimit: 100_000) { request in
            let form = try await request.decodeMultipart(Picture.self)
            try form.picture?.move(to: "\(path)/kept")
            let bytes = try form.picture?.bytes() ?? []
            let more = try (form.more ?? []).map { String(decoding: try $0.bytes(), as: UTF8.self) }
            return "\(form.title) \(form.count) \(form.picture?.fileName ?? "-") \(bytes.count) \(more.joined(separator: ","))"
        }
        self.made.app.group("/safe", middleware: [CSRFProtection(exemptPaths: ["/safe/hook"])]).post("/picture") { request in
            var names: [String] = []
            for try await part in try request.multipart() { names.append(part.name) }
            return names.joined(separator: ",")
        }
        self.made.app.group("/safe", middleware: [CSRFProtection(exemptPaths: ["/safe/hook"])]).post("/json") { request in
            try await request.decodeJSON([String: String].self)["a"] ?? "-"
        }
        self.made.app.group("/safe", middleware: [CSRFProtection(exemptPaths: ["/safe/hook"])]).post("/hook") { _ in "hooked" }
        self.made.app.get("/token") { request in try await request.session.csrfToken }
    }

    private func part(_ name: String, _ content: String, file: String? = nil) -> String {
        let disposition = "form-data; name=\"\(name)\"" + (file.map { "; filename=\"\($0)\"" } ?? "")
        return "--B\r\nContent-Disposition: \(disposition)\r\n\r\n\(content)\r\n"
    }

    private func post(_ path: String, _ body: String, _ client: inout TestClient, _ more: [String: String] = Self.type) async throws
        -> (Int, String)
    {
        let received = try await client.send(.post, path, .bytes(body.utf8), headers: more)
        return (received.status, received.text)
    }

    @Test("A form with files is decoded, and a file can be kept under a name that nothing has")
    func decoded() async throws {
        var client = TestClient(self.made.app)
        let large = String(repeating: "x", count: 70_000)
        let body =
            self.part("title", "tea") + self.part("count", "7") + self.part("picture", large, file: "../a.png")
            + self.part("more[]", "1", file: "1")
            + self.part("more[]", "2", file: "2") + "--B--"
        #expect(try await self.post("/picture", body, &client) == (200, "tea 7 a.png 70000 1,2"))
        let kept = "\(self.directory.path)/kept"
        #expect(try String(contentsOfFile: kept, encoding: .utf8) == large)
        #expect(try FileManager.default.attributesOfItem(atPath: kept)[.posixPermissions] as? Int == 0o600)
        // Something has the name now.
        #expect(try await self.post("/picture", body, &client).0 == 500)
    }

    @Test("An input that was left empty is no file, and what does not fit is named")
    func unfit() async throws {
        var client = TestClient(self.made.app)
        let fields = self.part("title", "tea") + self.part("count", "7")
        #expect(try await self.post("/picture", fields + self.part("picture", "", file: "") + "--B--", &client) == (200, "tea 7 - 0 "))
        let text = try await self.post("/picture", fields + self.part("picture", "no file") + "--B--", &client)
        #expect(text.0 == 400 && text.1.contains("picture: a file is expected"))
        let file = try await self.post("/picture", self.part("title", "x", file: "x") + self.part("count", "7") + "--B--", &client)
        #expect(file.0 == 400 && file.1.contains("title: a text is expected"))
        let number = try await self.post("/picture", self.part("title", "x") + self.part("count", "x") + "--B--", &client)
        #expect(number.0 == 400 && number.1.contains("count: a whole number"))
        #expect(try await self.post("/picture", "{}", &client, ["Content-Type": "application/json"]).0 == 415)
        #expect(try await self.post("/picture", String(repeating: "x", count: 100_001), &client).0 == 413)
    }

    @Test("A CSRF token is the first part of a form or the first member of a JSON object, and the handler reads all of it")
    func tokens() async throws {
        var client = TestClient(self.made.app)
        let token = try await client.get("/token").text
        let rest = self.part("a", String(repeating: "x", count: 200_000), file: "x") + "--B--"
        #expect(try await self.post("/safe/picture", self.part("csrf_token", token) + rest, &client) == (200, "csrf_token,a"))
        #expect(try await self.post("/safe/picture", rest, &client).0 == 403)
        #expect(try await self.post("/safe/picture", self.part("csrf_token", "wrong") + rest, &client).0 == 403)
        // Behind a file it would have to be waited for.
        #expect(
            try await self.post(
                "/safe/picture",
                self.part("a", String(repeating: "x", count: 9_000)) + self.part("csrf_token", token) + "--B--",
                &client
            ).0 == 403
        )
        let json = ["Content-Type": "application/json"]
        #expect(try await self.post("/safe/json", #"{"csrf_token":"\#(token)","a":"b"}"#, &client, json) == (200, "b"))
        #expect(try await self.post("/safe/json", #"{"a":"b","csrf_token":"\#(token)"}"#, &client, json).0 == 403)
        #expect(
            try await self.post("/safe/json", #"{"a":"b"}"#, &client, ["Content-Type": "application/json", "X-CSRF-Token": token]) == (
                200, "b"
            )
        )
    }

    @Test("A path without token check refuses what a browser says to come from another site")
    func exempt() async throws {
        var client = TestClient(self.made.app)
        #expect(try await self.post("/safe/hook", "{}", &client, ["Content-Type": "application/json"]) == (200, "hooked"))
        #expect(
            try await self.post("/safe/hook", "{}", &client, ["Origin": "https://evil.example", "Host": "shop.example"]).0 == 403
        )
        #expect(try await self.post("/safe/hook", "{}", &client, ["Sec-Fetch-Site": "cross-site"]).0 == 403)
    }
}
