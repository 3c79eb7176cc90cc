import HTTPTypes
import Synchronization
import Testing

@testable import ParanoidHTTP

@Suite("Multipart forms")
struct MultipartTests {
    private static let type: KeyValuePairs<String, String> = ["CONTENT_TYPE": "multipart/form-data; boundary=B"]

    private func part(_ disposition: String, _ content: String = "", more: String = "") -> String {
        "--B\r\nContent-Disposition: \(disposition)\r\n\(more)\r\n\(content)\r\n"
    }

    private func request(_ body: String, limit: Int = .max, pieces: Int = 3) -> Request {
        let bytes = Array(body.utf8)
        let position = Positions()
        let body = RequestBody(length: bytes.count, limit: limit) { upTo in position.take(min(upTo, pieces), of: bytes) }
        return makeRequest(.post, "/", Self.type, body: body)
    }

    private func parts(_ body: String, limits: MultipartLimits = MultipartLimits(), limit: Int = .max) async throws -> [String] {
        var found: [String] = []
        for try await part in try self.request(body, limit: limit).multipart(limits: limits) {
            let content = String(decoding: try await part.collect(), as: UTF8.self)
            found.append("\(part.name)|\(part.fileName ?? "-")|\(part.contentType ?? "-")|\(content)")
        }
        return found
    }

    @Test("are read part by part, whatever stands before and behind them")
    func parts() async throws {
        let body =
            "preamble\r\n" + self.part("form-data; name=\"a\"", "one\r\n--\r\ntwo")
            + self.part("form-data; name=\"f\"; filename=\"x.png\"", "\r\n", more: "Content-Type: image/png\r\n")
            + self.part("form-data; name=empty") + "--B--\r\nepilogue"
        #expect(try await self.parts(body) == ["a|-|-|one\r\n--\r\ntwo", "f|x.png|image/png|\r\n", "empty|-|-|"])
        #expect(try await self.parts("--B--") == [])
        // Without the CRLF of the empty contents (RFC 2046: a part need not have a body).
        #expect(try await self.parts("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--") == ["a|-|-|"])
    }

    @Test("are skipped where the handler does not read them")
    func skipped() async throws {
        let body = self.part("form-data; name=a", String(repeating: "x", count: 1000)) + self.part("form-data; name=b", "y") + "--B--"
        var names: [String] = []
        var stale: MultipartPart?
        for try await part in try self.request(body).multipart() {
            names.append(part.name)
            if stale == nil { stale = part }
        }
        #expect(names == ["a", "b"])
        var bytes = try #require(stale).makeAsyncIterator()
        await #expect(throws: RequestBodyError.alreadyConsumed) { try await bytes.next() }
    }

    @Test(
        "that two readers could read in two ways are refused",
        arguments: [
            "", "--B", "--B\r\n", "--B\r\n\r\n\r\n--B--", "--C\r\n\r\n--C--", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
            "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B", "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--B--", "--B\nContent-Disposition: form-data; name=a\n\nx\n--B--",
            "--B\r\nContent-Disposition: form-data; name=a\n\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition : form-data; name=a\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--BB\r\n\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B-x",
            "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B--x",
            "--B\r\nContent-Disposition: form-data; name=\"a\u{7F}\"\r\n\r\nx\r\n--B--",
        ]
    )
    func refused(_ body: String) async throws {
        let error = try await #require(throws: HTTPError.self) { try await self.parts(body) }
        #expect(error.status == .badRequest)
    }

    @Test(
        "are files with `filename*` alone, which counts where there is no `filename`",
        arguments: [
            ("filename*=UTF-8''f%C3%BC.txt", "f\u{FC}.txt"), ("filename*=utf-8'de'..%2Fx%00y", "xy"),
            ("filename=a; filename*=UTF-8''b", "a"), ("filename*=UTF-8''b; filename=a", "a"), ("filename*=ISO-8859-1''%FC", "file"),
            ("filename*=UTF-8''%FC", "file"), ("filename*=UTF-8''%zz", "file"), ("filename*=x", "file"),
        ]
    )
    func extendedNames(_ sent: String, _ name: String) async throws {
        #expect(try await self.parts(self.part("form-data; name=f; \(sent)") + "--B--") == ["f|\(name)|-|"])
    }

    @Test(
        "have file names that show nothing but a name",
        arguments: [
            ("a.png", "a.png"), ("/etc/passwd", "passwd"), ("..\\..\\x.exe", "x.exe"), ("C:\\\\dir\\\\a b.txt", "a b.txt"), ("..", "file"),
            ("", "file"),
            (".bashrc", "bashrc"), ("a\u{202E}gpj.exe", "agpj.exe"), ("r\u{E9}sum\u{E9}.pdf", "r\u{E9}sum\u{E9}.pdf"),
            ("a\\\"b.txt", "a\"b.txt"),
            ("x/", "file"), ("a. ", "a"),
        ]
    )
    func fileNames(_ sent: String, _ name: String) async throws {
        #expect(try await self.parts(self.part("form-data; name=f; filename=\"\(sent)\"") + "--B--") == ["f|\(name)|-|"])
    }

    @Test("have limits for parts, fields and files, and the body has its own")
    func limits() async throws {
        let two = self.part("form-data; name=a", "12345") + self.part("form-data; name=f; filename=f", "1234567") + "--B--"
        #expect(try await self.parts(two, limits: MultipartLimits(parts: 2, fieldBytes: 5, fileBytes: 7)).count == 2)
        for (parts, fieldBytes, fileBytes) in [(1, 5, 7), (2, 4, 7), (2, 5, 6)] {
            let smaller = MultipartLimits(parts: parts, fieldBytes: fieldBytes, fileBytes: fileBytes)
            let error = await #expect(throws: HTTPError.self) { try await self.parts(two, limits: smaller) }
            #expect(error?.status == .contentTooLarge)
        }
        #expect(await #expect(throws: HTTPError.self) { try await self.parts(two, limit: two.utf8.count - 1) }?.status == .contentTooLarge)
        let head = self.part("form-data; name=a", more: "X: \(String(repeating: "x", count: 9_000))\r\n") + "--B--"
        #expect(await #expect(throws: HTTPError.self) { try await self.parts(head) }?.status == .badRequest)
    }

    @Test(
        "want a content type with one boundary",
        arguments: [
            "multipart/form-data", "multipart/mixed; boundary=B", "multipart/form-data; boundary=",
            "multipart/form-data; boundary=B; boundary=B",
            "multipart/form-data; boundary=\"B \"", "multipart/form-data; boundary=\"\u{FC}\"",
            "multipart/form-data; boundary=\(String(repeating: "B", count: 71))",
        ]
    )
    func contentType(_ type: String) {
        let request = makeRequest(.post, "/", ["CONTENT_TYPE": type])
        #expect(throws: HTTPError.self) { try request.multipart() }
    }

    @Test("A body that was looked at is read as a whole afterwards", arguments: [1, 4, 10, 100])
    func peeked(_ count: Int) async throws {
        let body = self.part("form-data; name=csrf_token", "T") + self.part("form-data; name=a", "x") + "--B--"
        let request = self.request(body)
        let beginning = try await request.body.peek(upTo: count) { _ in false }
        #expect(body.utf8.starts(with: beginning) && beginning.count >= count)
        var names: [String] = []
        for try await part in try request.multipart() { names.append(part.name) }
        #expect(names == ["csrf_token", "a"])
        let collected = self.request(body)
        _ = try await collected.body.peek(upTo: .max) { _ in false }
        #expect(try await collected.body.collect() == Array(body.utf8))
        let small = self.request(body)
        _ = try await small.body.peek(upTo: count) { _ in false }
        await #expect(throws: HTTPError.self) { try await small.body.collect(upTo: body.utf8.count - 1) }
    }

    @Test("The first field is known as soon as it is there, and another one as soon as its head is")
    func firstField() {
        func first(_ text: some Sequence<UInt8>) -> Multipart.FirstField {
            Multipart.firstField("t", in: Array(text), boundary: Array("B".utf8))
        }
        let whole = self.part("form-data; name=t", "abc") + self.part("form-data; name=a", "x")
        let line = whole.utf8.count - self.part("form-data; name=a", "x").utf8.count
        // The part ends where the delimiter behind it does.
        for count in 0..<(line + 3) { #expect(first(whole.utf8.prefix(count)) == .undecided) }
        #expect(first(whole.utf8.prefix(line + 3)) == .value(Array("abc".utf8)))
        #expect(first("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8) == .absent)
        #expect(first("--B\r\nContent-Disposition: form-data; name=t; filename=t\r\n\r\n".utf8) == .absent)
        #expect(first("--B\r\nx\r\n\r\n".utf8) == .absent)
        #expect(first("--B--".utf8) == .absent)
    }

    @Test("The token of a JSON object is its first member")
    func firstMember() {
        func token(_ text: String) -> String? {
            JSONFirstMember.text(named: "t", in: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(token(#" {"t" : "abc", "x": 1}"#) == "abc")
        #expect(token(#"{"t":"abc""#) == "abc")
        for other in ["", "{", #"{"t""#, #"{"t":"ab"#, #"{"x":1,"t":"abc"}"#, #"{"t":1}"#, #"["t","abc"]"#, #"{"t":"a\u0062"}"#] {
            #expect(token(other) == nil)
        }
    }
}

/// A position in bytes that are given out piece by piece.
private final class Positions: Sendable {
    private let next = Mutex(0)

    func take(_ count: Int, of bytes: [UInt8]) -> [UInt8]? {
        self.next.withLock { next in
            guard next < bytes.count else { return nil }
            defer { next += min(count, bytes.count - next) }
            return Array(bytes[next...].prefix(count))
        }
    }
}
