import HTTPTypes
import Synchronization
import Testing

@testable import ParanoidHTTP

@Suite("Request body")
struct RequestBodyTests {
    /// Gives the chunks one by one and checks that no more is asked for than announced.
    private func body(_ chunks: [[UInt8]], length: Int?, limit: Int = 100) -> RequestBody {
        let rest = Mutex(chunks)
        return RequestBody(length: length, limit: limit) { upTo in
            rest.withLock { rest in
                guard !rest.isEmpty else { return nil }
                let chunk = Array(rest[0].prefix(upTo))
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

    @Test("ends at its announced length, whatever follows")
    func longer() async throws {
        #expect(try await self.body([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], length: 5).collect() == [1, 2, 3, 4, 5])
    }

    @Test("that is shorter than announced is refused")
    func shorter() async {
        let body = self.body([[1, 2]], length: 5)
        #expect(await self.status { _ = try await body.collect() } == .badRequest)
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
}
