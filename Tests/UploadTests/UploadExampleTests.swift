import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@testable import Upload

@Suite("The upload example")
struct UploadExampleTests {
    private let directory: TemporaryDirectory
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        self.app = try Application(configuration: .testing())
        UploadPages(directory: self.directory.path).register(on: self.app)
    }

    @Test("takes a file in slices, goes on after a break, tells the progress, and gives ranges of it")
    func slices() async throws {
        var client = TestClient(self.app)
        let token = ["X-CSRF-Token": try await client.get("/").csrfToken]
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        let announcement = TestBody.bytes(#"{"name":"a <b>.bin","size":100000}"#.utf8, type: "application/json")
        let upload = try await client.post("/uploads", announcement, headers: token).decode(StoredUpload.self)
        func slice(_ range: Range<Int>, at offset: Int, _ client: inout TestClient) async throws -> (Int, Int) {
            let headers = token.merging(["Upload-Offset": "\(offset)"]) { $1 }
            let answer = try await client.send(.patch, "/uploads/\(upload.id)", .bytes(bytes[range]), headers: headers)
            return (answer.status, try answer.decode(StoredUpload.self).received)
        }
        #expect(try await slice(0..<40_000, at: 0, &client) == (200, 40_000))
        #expect(try await client.get("/files/\(upload.id)").status == 404)
        // The answer was lost, and the browser sends the slice again.
        #expect(try await slice(0..<40_000, at: 0, &client) == (409, 40_000))
        #expect(try await client.get("/uploads/\(upload.id)").decode(StoredUpload.self).received == 40_000)
        #expect(try await slice(40_000..<100_000, at: 40_000, &client) == (200, 100_000))
        #expect(try await client.get("/uploads/\(upload.id)/events").text.contains("data: 100000 100000\n"))
        let file = try await client.get("/files/\(upload.id)")
        #expect(file.body == bytes && file.header(.contentDisposition)?.hasPrefix("attachment") == true)
        let part = try await client.get("/files/\(upload.id)", headers: ["Range": "bytes=99990-"])
        #expect(part.status == 206 && part.body == bytes.suffix(10))
        #expect(try await client.get("/").text.contains("a &lt;b&gt;.bin</a>"))
    }

    @Test("takes no more than was announced, and knows only what was")
    func limits() async throws {
        var client = TestClient(self.app)
        let token = ["X-CSRF-Token": try await client.get("/").csrfToken]
        let upload = try await client.post("/uploads", .bytes(#"{"name":"a","size":3}"#.utf8, type: "application/json"), headers: token)
            .decode(StoredUpload.self)
        let headers = token.merging(["Upload-Offset": "0"]) { $1 }
        #expect(try await client.send(.patch, "/uploads/\(upload.id)", .bytes([1, 2, 3, 4]), headers: headers).status == 413)
        #expect(try await client.send(.patch, "/uploads/\(upload.id)", .bytes([1]), headers: ["Upload-Offset": "0"]).status == 403)
        for id in ["x", "A", "a.json"] { #expect(try await client.get("/uploads/\(id)").status == 404) }
        // The router refuses paths that lead elsewhere, before the handler.
        for id in ["..", "%2E%2E%2Fx"] { #expect(try await client.get("/uploads/\(id)").status == 400) }
        let tooLarge = TestBody.bytes(#"{"name":"","size":99999999999999}"#.utf8, type: "application/json")
        #expect(try await client.post("/uploads", tooLarge, headers: token).status == 422)
    }

    @Test("shows and continues an upload in its own session only")
    func sessions() async throws {
        var client = TestClient(self.app)
        var other = TestClient(self.app)
        let mine = ["X-CSRF-Token": try await client.get("/").csrfToken, "Upload-Offset": "0"]
        let theirs = ["X-CSRF-Token": try await other.get("/").csrfToken, "Upload-Offset": "0"]
        let upload = try await client.post("/uploads", .bytes(#"{"name":"mine","size":1}"#.utf8, type: "application/json"), headers: mine)
            .decode(StoredUpload.self)
        #expect(try await other.send(.patch, "/uploads/\(upload.id)", .bytes([1]), headers: theirs).status == 404)
        #expect(try await client.send(.patch, "/uploads/\(upload.id)", .bytes([1]), headers: mine).status == 200)
        for path in ["/uploads/\(upload.id)", "/uploads/\(upload.id)/events", "/files/\(upload.id)"] {
            #expect(try await client.get(path).status == 200)
            #expect(try await other.get(path).status == 404)
        }
        #expect(try await client.get("/").text.contains("mine"))
        #expect(try await !other.get("/").text.contains("mine"))
    }

    @Test("lets one request at a time write a file, at the end that it has then")
    func lock() throws {
        let shelf = Shelf(self.directory.path, owner: "a")
        let upload = try shelf.begin("x", size: 3)
        try self.append([1, 2], to: upload, of: shelf)
        #expect(try shelf.upload(upload.id).received == 2)
        let isFree = try shelf.open(upload) != nil
        #expect(isFree)
    }

    private func append(_ bytes: [UInt8], to upload: StoredUpload, of shelf: Shelf) throws {
        guard let file = try shelf.open(upload) else {
            Issue.record("The file is locked.")
            return
        }
        let isFree = try shelf.open(upload) != nil
        #expect(!isFree)
        try file.append(bytes)
    }
}
