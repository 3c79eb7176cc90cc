import HTTPTypes
import Synchronization
import Testing

@testable import ParanoidHTTP

@Suite("Request body")
struct RequestBodyTests {
    /// Gives the chunks one by one and checks that no more is asked for than announced.
    private func body(_ chunks: [[UInt8]], length: Int?, limit: Int = 100) -> RequestBody {
        let stream = Stream(chunks)
        return RequestBody(length: length, limit: limit, read: { stream.read(upTo: $0) }, hasSurplus: { !stream.isAtEnd })
    }

    /// What the web server sends.
    private final class Stream: Sendable {
        private let rest: Mutex<[[UInt8]]>

        init(_ chunks: [[UInt8]]) { self.rest = Mutex(chunks) }

        var isAtEnd: Bool { self.rest.withLock { $0.isEmpty } }

        func read(upTo count: Int) -> [UInt8]? {
            self.rest.withLock { rest in
                guard !rest.isEmpty else { return nil }
                let chunk = Array(rest[0].prefix(count))
                rest[0].removeFirst(chunk.count)
                if rest[0].isEmpty { rest.removeFirst() }
                return chunk
            }
        }
    }

    private func status(_ work: () async throws -> Void) async -> HTTPResponse.Status? {
        do {
            try await work()
            return nil
        } catch {
            return (error as? HTTPError)?.status
        }
    }

    @Test("is collected, as often as wanted")
    func collect() async throws {
        let body = self.body([[1, 2], [3]], length: 3)
        #expect(try await body.collect() == [1, 2, 3])
        #expect(try await body.collect() == [1, 2, 3])
        var chunks: [[UInt8]] = []
        for try await chunk in body { chunks.append(chunk) }
        #expect(chunks == [[1, 2, 3]])
    }

    @Test("is iterated once, chunk by chunk")
    func iterate() async throws {
        let body = self.body([[1, 2], [3]], length: nil)
        var chunks: [[UInt8]] = []
        for try await chunk in body { chunks.append(chunk) }
        #expect(chunks == [[1, 2], [3]])
        await #expect(throws: RequestBodyError.alreadyConsumed) { try await body.collect() }
    }

    @Test("that is empty needs no reading")
    func empty() async throws {
        #expect(try await RequestBody.empty.collect().isEmpty)
        let body = RequestBody(length: 0, limit: 0) { _ in throw HTTPError.conflict }
        #expect(try await body.collect().isEmpty)
    }

    /// What one and the same stream is under different declarations.
    struct Declaration: Sendable, CustomTestStringConvertible {
        let chunks: [String]
        let length: Int?
        /// The body; `nil` for a 400.
        let body: String?
        var testDescription: String { "\(self.chunks) declared as \(self.length.map(String.init) ?? "nothing")" }

        init(_ chunks: [String], _ length: Int?, _ body: String?) {
            self.chunks = chunks
            self.length = length
            self.body = body
        }
    }

    static let declarations = [
        Declaration(["user=alice"], 10, "user=alice"), Declaration(["user=al", "ice"], 10, "user=alice"),
        Declaration(["user=alice"], nil, "user=alice"), Declaration(["user=al", "ice"], nil, "user=alice"),
        Declaration([], nil, ""), Declaration([], 0, ""),
        Declaration(["user=alice"], 7, nil), Declaration(["user=al", "ice"], 7, nil), Declaration(["user=al", "i", "ce"], 7, nil),
        Declaration(["user=alice"], 0, nil), Declaration(["user=alice"], 20, nil), Declaration(["user=al", "ice"], 11, nil),
        Declaration([], 1, nil),
    ]

    @Test("is complete or a 400, never a part", arguments: Self.declarations)
    func complete(_ declaration: Declaration) async throws {
        func body() -> RequestBody { self.body(declaration.chunks.map { Array($0.utf8) }, length: declaration.length) }
        let collected = body()
        if let text = declaration.body {
            #expect(try await collected.collect() == Array(text.utf8))
            var bytes: [UInt8] = []
            for try await chunk in body() { bytes += chunk }
            #expect(bytes == Array(text.utf8))
        } else {
            #expect(await self.status { _ = try await collected.collect() } == .badRequest)
            await #expect(throws: RequestBodyError.alreadyConsumed) { try await collected.collect() }
            #expect(await self.status { for try await _ in body() {} } == .badRequest)
        }
    }

    @Test("that is cut or overlong is no form and no JSON", arguments: Self.declarations.filter { $0.body == nil })
    func decoding(_ declaration: Declaration) async {
        for type in ["application/x-www-form-urlencoded", "application/json"] {
            let body = self.body(declaration.chunks.map { Array($0.utf8) }, length: declaration.length)
            let request = makeRequest(.post, "/", ["CONTENT_TYPE": type], body: body)
            #expect(
                await self.status { _ = try await request.form() } == (type == "application/json" ? .unsupportedMediaType : .badRequest)
            )
            #expect(
                await self.status { _ = try await request.decodeJSON([String].self) }
                    == (type == "application/json" ? .badRequest : .unsupportedMediaType)
            )
        }
    }

    @Test("without a length is read to its end within the limit")
    func unknownLength() async throws {
        let chunks = [[UInt8](repeating: 1, count: 60), [UInt8](repeating: 2, count: 40)]
        #expect(try await self.body(chunks, length: nil, limit: 100).collect().count == 100)
        #expect(await self.status { _ = try await self.body(chunks, length: nil, limit: 99).collect() } == .contentTooLarge)
    }

    @Test("over the limit is refused, announced or not", arguments: [11, nil] as [Int?])
    func tooLarge(_ length: Int?) async {
        let bytes = [UInt8](repeating: 1, count: 11)
        let collected = self.body([bytes], length: length, limit: 10)
        #expect(await self.status { _ = try await collected.collect() } == .contentTooLarge)
        let iterated = self.body([bytes], length: length, limit: 10)
        #expect(await self.status { for try await _ in iterated {} } == .contentTooLarge)
    }

    @Test("may fill the limit", arguments: [10, nil] as [Int?])
    func full(_ length: Int?) async throws {
        let bytes = [UInt8](repeating: 1, count: 10)
        #expect(try await self.body([bytes], length: length, limit: 10).collect() == bytes)
    }

    @Test("of an announced length over the limit is not read at all")
    func notRead() async {
        let body = RequestBody(length: 11, limit: 10) { _ in
            Issue.record("nothing may be read")
            return nil
        }
        #expect(await self.status { _ = try await body.collect() } == .contentTooLarge)
    }

    @Test("can be given another limit by a handler")
    func otherLimit() async throws {
        let bytes = [UInt8](repeating: 1, count: 20)
        #expect(try await self.body([bytes], length: 20, limit: 10).limited(to: 20).collect() == bytes)
        let small = self.body([bytes], length: 20, limit: 100).limited(to: 10)
        #expect(await self.status { _ = try await small.collect() } == .contentTooLarge)
        let collected = RequestBody(bytes: bytes)
        _ = try await collected.collect()
        #expect(await self.status { _ = try await collected.limited(to: 10).collect() } == .contentTooLarge)
    }

    @Test("passes the connection's error on, and does not read again")
    func failure() async {
        struct Gone: Error {}
        let calls = Mutex(0)
        let body = RequestBody(length: nil, limit: 10) { _ in
            calls.withLock { $0 += 1 }
            throw Gone()
        }
        await #expect(throws: Gone.self) { try await body.collect() }
        await #expect(throws: RequestBodyError.alreadyConsumed) { try await body.collect() }
        #expect(calls.withLock { $0 } == 1)
    }

    @Test(
        "is decoded by its content type",
        arguments: [
            ("application/json", 200), ("Application/JSON; charset=utf-8", 200), ("application/problem+json", 200), ("text/plain", 415),
            ("", 415),
            ("application/jsonx", 415), ("\u{A0}application/json", 415),
        ]
    )
    func contentType(_ type: String, _ status: Int) async {
        let request = makeRequest(.post, "/", ["CONTENT_TYPE": type], body: RequestBody(bytes: Array("[1]".utf8)))
        let result = await self.status {
            let value = try await request.decodeJSON([Int].self)
            #expect(value == [1])
        }
        #expect(result?.code ?? 200 == status)
    }

    @Test("that is not the expected JSON is a 400", arguments: ["", "{", "{}", "[\"a\"]", "nul", "[1]]"])
    func badJSON(_ text: String) async {
        let request = makeRequest(.post, "/", ["CONTENT_TYPE": "application/json"], body: RequestBody(bytes: Array(text.utf8)))
        #expect(await self.status { _ = try await request.decodeJSON([Int].self) } == .badRequest)
    }

    @Test("in UTF-16 or UTF-32 is refused, in which the depth could not be counted", arguments: [true, false])
    func otherEncodings(_ isDeep: Bool) async {
        let depth = isDeep ? 512 : 1
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        func words(_ width: Int, isLittle: Bool, hasMark: Bool) -> [UInt8] {
            let scalars = (hasMark ? [0xFEFF] : []) + text.unicodeScalars.map { $0.value }
            return scalars.flatMap { scalar -> [UInt8] in
                let bytes = BigEndian.bytes(UInt64(scalar), width: width)
                return isLittle ? bytes.reversed() : bytes
            }
        }
        for width in [2, 4] {
            for (isLittle, hasMark) in [(true, true), (true, false), (false, true), (false, false)] {
                let body = RequestBody(bytes: words(width, isLittle: isLittle, hasMark: hasMark))
                let request = makeRequest(.post, "/", ["CONTENT_TYPE": "application/json"], body: body)
                #expect(await self.status { _ = try await request.decodeJSON(AnyJSON.self) } == .badRequest)
            }
        }
        let marked = makeRequest(
            .post,
            "/",
            ["CONTENT_TYPE": "application/json"],
            body: RequestBody(bytes: [0xEF, 0xBB, 0xBF] + Array(text.utf8))
        )
        #expect(await self.status { _ = try await marked.decodeJSON(AnyJSON.self) } == (isDeep ? .badRequest : nil))
    }

    /// Takes arrays of any depth.
    private struct AnyJSON: Decodable {
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            while !container.isAtEnd { _ = try container.decode(AnyJSON.self) }
        }
    }

    @Test("that is nested too deeply is refused before it is decoded")
    func depth() async {
        func isWithin(_ limit: Int, _ text: String) -> Bool { JSONDepth.isWithin(limit, text.utf8.span) }
        #expect(isWithin(2, "[{\"a[[[\\\"[[\":1}]"))
        #expect(!isWithin(1, "[{}]"))
        #expect(isWithin(1, "[],[],{}"))
        for opening in ["[", "{\"a\":"] {
            let bomb = Array(String(repeating: opening, count: 200_000).utf8)
            let request = makeRequest(.post, "/", ["CONTENT_TYPE": "application/json"], body: RequestBody(bytes: bomb))
            #expect(await self.status { _ = try await request.decodeJSON([Int].self) } == .badRequest)
        }
    }

    @Test(
        "JSON with a member twice is refused, however the name is written: readers differ in which of the two counts",
        arguments: [
            (#"{"a":1,"a":2}"#, true), (#"{"a":1,"\u0061":2}"#, true), (#"{"b":[{"a":1},{"a":1,"x":{},"a":1}]}"#, true),
            (#"{"a":{"a":{"a":1}},"b":["a","a"],"c":"a"}"#, false), (#"[{"a":1},{"a":2}]"#, false), (#"{"a":"\",\"a\":1","b":2}"#, false),
            (#"{"a\"":1,"a":2,"":3}"#, false), (#"{"":1,"":2}"#, true), (#"{"a\\":1,"a\\":2}"#, true), (#"{"a":1,"A":2}"#, false),
            (#"{"\ud83d\ude00":1,"\#u{1F600}":2}"#, true), (#"}{"a":1,]"a":2"#, false), (#"{"a"#, false), (#"{"a":1,"a\"#, false),
            ("", false),
        ]
    )
    func doubledMembers(_ text: String, _ isRefused: Bool) async {
        #expect(JSONCoding.hasDoubledMember(Array(text.utf8)) == isRefused)
        guard isRefused else { return }
        let request = makeRequest(.post, "/", ["CONTENT_TYPE": "application/json"], body: RequestBody(bytes: Array(text.utf8)))
        #expect(await self.status { _ = try await request.decodeJSON([String: Int].self) } == .badRequest)
    }

    @Test(
        "the limit of a route counts before that of its group and of the application, up as well as down",
        arguments: [
            ("/plain", 10), ("/route", 20), ("/small", 5), ("/group/plain", 30), ("/group/route", 40), ("/group/inner/plain", 30),
            ("/group/inner/own", 3),
        ]
    )
    func routeLimits(_ path: String, _ limit: Int) async throws {
        let router = Router()
        let read: @Sendable (Request) async throws -> String = { request in
            request.path == "/plain"
                ? "\(try await request.body.collect().count)" : "\(try await request.form().first(named: "a")?.utf8.count ?? 0)"
        }
        router.post("/plain", use: read)
        router.post("/route", bodyLimit: 20, use: read)
        router.post("/small", bodyLimit: 5, use: read)
        let group = router.group("/group", bodyLimit: 30)
        group.post("/plain", use: read)
        group.post("/route", bodyLimit: 40, use: read)
        let inner = group.group("/inner")
        inner.post("/plain", use: read)
        inner.post("/own", bodyLimit: 3, use: read)
        for (length, fits) in [(limit, true), (limit + 1, false)] {
            let bytes = Array(("a=" + String(repeating: "x", count: length - 2)).utf8)
            let parameters: KeyValuePairs<String, String> = ["CONTENT_TYPE": "application/x-www-form-urlencoded"]
            let request = makeRequest(.post, path, parameters, body: RequestBody(bytes: bytes, limit: 10))
            let response = await ErrorResponder().response(to: request, of: router.freeze())
            #expect(response.status == (fits ? .ok : .contentTooLarge))
        }
    }

    @Test("collect(upTo:) has a limit of its own, up as well as down")
    func ownLimit() async throws {
        let bytes = [UInt8](repeating: 1, count: 20)
        #expect(try await RequestBody(bytes: bytes, limit: 10).collect(upTo: 20) == bytes)
        await #expect(throws: HTTPError.self) { try await RequestBody(bytes: bytes, limit: 100).collect(upTo: 19) }
    }
}
