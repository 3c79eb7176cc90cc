import HTTPTypes
import Synchronization
import Testing

@testable import ParanoidHTTP

@Suite("Conditions, ranges and other responses")
struct ConditionalTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

    private func response(_ parameters: KeyValuePairs<String, String>, method: HTTPRequest.Method = .get, tag: String? = "\"v1\"") throws
        -> Response
    {
        var response = Response.text("0123456789")
        if let tag { try response.setHeader(tag, for: .eTag) }
        try response.setHeader(Self.date, for: .lastModified)
        return response.conditional(for: makeRequest(method, "/", parameters))
    }

    @Test(
        "A change of what has a date only is refused where the client has seen an older one, in each form of the date",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", true), ("Sunday, 06-Nov-94 08:49:37 GMT", true), ("Sun Nov  6 08:49:37 1994", true),
            ("Sun, 06 Nov 1994 08:49:36 GMT", false), ("Sunday, 06-Nov-94 08:49:36 GMT", false), ("Sun Nov  6 08:49:36 1994", false),
            ("Sat, 05 Nov 1994 23:59:59 GMT", false), ("yesterday", true),
        ]
    )
    func unmodifiedSince(_ date: String, _ holds: Bool) throws {
        var response = Response.text("0123456789")
        response.setLastModified(784_111_777)
        #expect(response.header(.lastModified) == Self.date)
        let request = makeRequest(.put, "/", ["HTTP_IF_UNMODIFIED_SINCE": date])
        let outcome = Result { try request.checkPreconditions(entityTag: nil, lastModified: 784_111_777) }
        #expect(((try? outcome.get()) != nil) == holds)
        // Nothing is known of a date, so the condition counts for nothing (RFC 9110, section 13.1.4).
        try request.checkPreconditions(entityTag: "\"v1\"")
        // With a date it exists, so it is not made anew.
        #expect(throws: HTTPError.self) {
            try makeRequest(.put, "/", ["HTTP_IF_NONE_MATCH": "*"]).checkPreconditions(entityTag: nil, lastModified: 784_111_777)
        }
    }

    @Test(
        "Ranges are read as RFC 9110 has them",
        arguments: [
            ("bytes=0-4", [0..<5]), ("bytes=5-", [5..<10]), ("bytes=-3", [7..<10]), ("bytes=-99", [0..<10]), ("bytes=0-99", [0..<10]),
            ("BYTES=9-9", [9..<10]), ("bytes=0-0,-1", [0..<1, 9..<10]), ("bytes= 0-0 , 2-3", [0..<1, 2..<4]), ("bytes=,0-0,,", [0..<1]),
            ("bytes=20-30,1-1", [1..<2]), ("bytes=0-99999999999999999999", [0..<10]), ("bytes=000000000000000000001-2", [1..<3]),
        ] as [(String, [Range<Int>])]
    )
    func ranges(_ field: String, _ ranges: [Range<Int>]) {
        #expect(ByteRanges(Array(field.utf8), length: 10) == .some(ranges))
    }

    @Test(
        "A range that is malformed, of another unit, or more than the whole is answered with the whole",
        arguments: [
            "", "bytes", "bytes=", "bytes=,", "lines=0-1", "bytes=a-b", "bytes=5-4", "bytes=-", "bytes=--1", "bytes=0-4,0-9", "bytes=1 -2",
            "bytes=0x1-2",
            "bytes=+1-2", "bytes:0-1", "bytes=" + (0..<17).map { _ in "0-0" }.joined(separator: ","), "bytes=0-0;q=1",
        ]
    )
    func whole(_ field: String) throws {
        #expect(ByteRanges(Array(field.utf8), length: 10) == .whole)
        #expect(try self.response(["HTTP_RANGE": field]).status == .ok)
    }

    @Test("A range behind the end is 416 with the length", arguments: ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-,20-30"])
    func unsatisfiable(_ field: String) throws {
        let response = try self.response(["HTTP_RANGE": field])
        #expect(response.status == .rangeNotSatisfiable)
        #expect(response.header(.contentRange) == "bytes */10")
        #expect(ByteRanges(Array(field.utf8), length: 0) == .unsatisfiable)
    }

    @Test("One range is 206 with its place, several are parts")
    func partial() async throws {
        let one = try self.response(["HTTP_RANGE": "bytes=2-4"])
        #expect(one.status == .partialContent)
        #expect(one.lines().contains("Content-Range: bytes 2-4/10") && one.lines().contains("Content-Length: 3"))
        #expect(try await one.text() == "234")
        let two = try self.response(["HTTP_RANGE": "bytes=0-1,-2"])
        let type = try #require(two.header(.contentType))
        let boundary = String(type.dropFirst("multipart/byteranges; boundary=".count))
        let part = "\r\n--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes "
        let text = try await two.text()
        #expect(text == "\(part)0-1/10\r\n\r\n01\(part)8-9/10\r\n\r\n89\r\n--\(boundary)--\r\n")
        #expect(two.body.length == text.utf8.count)
        #expect(try self.response([:]).header(.acceptRanges) == "bytes")
    }

    @Test(
        "If-Range wants the very version",
        arguments: [
            ("\"v1\"", true), ("\"v2\"", false), ("W/\"v1\"", false), (Self.date, true), ("Sun, 06 Nov 1994 08:49:38 GMT", false),
            ("x", false),
        ]
    )
    func ifRange(_ field: String, _ counts: Bool) throws {
        #expect(try self.response(["HTTP_RANGE": "bytes=0-0", "HTTP_IF_RANGE": field]).status == (counts ? .partialContent : .ok))
        #expect(try self.response(["HTTP_RANGE": "bytes=0-0", "HTTP_IF_RANGE": "W/\"v1\""], tag: "W/\"v1\"").status == .ok)
    }

    @Test(
        "Conditions are decided in the order of RFC 9110, section 13.2.2",
        arguments: [
            (["HTTP_IF_NONE_MATCH": "\"v1\""], 304), (["HTTP_IF_NONE_MATCH": "W/\"v1\""], 304),
            (["HTTP_IF_NONE_MATCH": "\"a,b\", \"v1\""], 304),
            (["HTTP_IF_NONE_MATCH": "*"], 304), (["HTTP_IF_NONE_MATCH": "\"v2\""], 200), (["HTTP_IF_NONE_MATCH": "v1"], 200),
            (["HTTP_IF_MATCH": "\"v1\""], 200), (["HTTP_IF_MATCH": "*"], 200), (["HTTP_IF_MATCH": "\"v2\", \"v3\""], 412),
            (["HTTP_IF_MATCH": "W/\"v1\""], 412),
            (["HTTP_IF_MODIFIED_SINCE": Self.date], 304), (["HTTP_IF_MODIFIED_SINCE": "Sun, 06 Nov 1994 08:49:36 GMT"], 200),
            (["HTTP_IF_MODIFIED_SINCE": "nonsense"], 200), (["HTTP_IF_UNMODIFIED_SINCE": Self.date], 200),
            (["HTTP_IF_UNMODIFIED_SINCE": "Sunday, 06-Nov-94 08:49:36 GMT"], 412),
            // The tag counts, the date beside it does not.
            (["HTTP_IF_NONE_MATCH": "\"v2\"", "HTTP_IF_MODIFIED_SINCE": Self.date], 200),
            (["HTTP_IF_MATCH": "\"v1\"", "HTTP_IF_UNMODIFIED_SINCE": "Sun, 06 Nov 1994 08:49:36 GMT"], 200),
            (["HTTP_IF_MATCH": "\"v2\"", "HTTP_IF_NONE_MATCH": "\"v1\""], 412),
        ] as [(KeyValuePairs<String, String>, Int)]
    )
    func conditions(_ parameters: KeyValuePairs<String, String>, _ status: Int) throws {
        let response = try self.response(parameters)
        #expect(response.status.code == status)
        try response.validate()
        #expect(response.header(.eTag) == "\"v1\"")
        if status == 304 { #expect(response.header(.contentType) == nil && response.body.isEmpty) }
    }

    @Test("A change is refused with 412 when the client has seen another version")
    func changes() throws {
        func status(_ parameters: KeyValuePairs<String, String>, _ tag: String?) -> Int {
            do throws(HTTPError) {
                try makeRequest(.put, "/", parameters).checkPreconditions(entityTag: tag)
                return 200
            } catch {
                return error.status.code
            }
        }
        #expect(status(["HTTP_IF_MATCH": "\"1\""], "\"1\"") == 200)
        #expect(status(["HTTP_IF_MATCH": "\"1\""], "\"2\"") == 412)
        #expect(status(["HTTP_IF_MATCH": "\"1\""], nil) == 412)
        #expect(status(["HTTP_IF_NONE_MATCH": "*"], "\"2\"") == 412)
        #expect(status(["HTTP_IF_NONE_MATCH": "*"], nil) == 200)
        #expect(status([:], "\"2\"") == 200)
        #expect(status(["HTTP_IF_MATCH": "\"1\""], "1") == 200)
        #expect(status(["HTTP_IF_MATCH": "\"1\""], "2") == 412)
    }

    @Test("Another status and another method stay as they are")
    func untouched() throws {
        #expect(try self.response(["HTTP_IF_NONE_MATCH": "\"v1\""], method: .post).status == .ok)
        var missing = Response.text("x", status: .notFound)
        try missing.setHeader("\"v1\"", for: .eTag)
        #expect(missing.conditional(for: makeRequest(.get, "/", ["HTTP_IF_NONE_MATCH": "\"v1\""])).status == .notFound)
    }

    @Test(
        "Dates are read in their three forms",
        arguments: ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
    )
    func dates(_ text: String) {
        #expect(HTTPDate(parsing: Array(text.utf8))?.secondsSinceUnixEpoch == 784_111_777)
    }

    @Test("A date is read as it is written, and nothing else is a date")
    func dateForms() {
        for seconds in stride(from: Int64(0), to: 253_402_300_799, by: 7_777_777_777) {
            let date = HTTPDate(secondsSinceUnixEpoch: seconds)
            #expect(HTTPDate(parsing: Array(date.text.utf8)) == date)
        }
        for text in [
            "", "x", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            #expect(HTTPDate(parsing: Array(text.utf8)) == nil)
        }
    }

    @Test(
        "A download has a safe name in both forms",
        arguments: [
            ("report.pdf", "attachment; filename=\"report.pdf\""), ("../../etc/passwd", "attachment; filename=\"passwd\""),
            ("\u{E4} 1.txt", "attachment; filename=\"_ 1.txt\"; filename*=UTF-8''%C3%A4%201.txt"),
            ("a\"b%41.txt", "attachment; filename=\"a_b_41.txt\"; filename*=UTF-8''a%22b%2541.txt"),
            ("a\r\nX: y", "attachment; filename=\"aX: y\""),
            ("", "attachment; filename=\"file\""),
        ]
    )
    func download(_ name: String, _ field: String) {
        var response = Response.text("x")
        response.setDownload(named: name)
        #expect(response.header(.contentDisposition) == field)
    }

    @Test("nginx is sent below its location and nowhere else")
    func accelerated() throws {
        let files = AcceleratedFiles(location: "/protected/")
        let name = try #require(HTTPField.Name("X-Accel-Redirect"))
        #expect(try files.response("a/\u{E4} b%?.pdf").header(name) == "/protected/a/%C3%A4%20b%25%3F.pdf")
        for path in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\r\nb", "a\\b", "a\0"] {
            #expect(throws: HTTPError.self) { try files.response(path) }
        }
    }

    @Test("Events have each line of their text, and nothing that would be another field")
    func events() async throws {
        let request = makeRequest(.get, "/", ["HTTP_LAST_EVENT_ID": "7"])
        let response = Response.events(for: request, heartbeat: .seconds(3600)) { events in
            try await events.send("a\r\nb\rc\n\nid: 9", event: "note", id: "8")
            try await events.send(events.lastEventID ?? "-")
            await #expect(throws: ResponseError.self) { try await events.send("x", id: "1\ndata: y") }
            await #expect(throws: ResponseError.self) { try await events.send("x", event: "1\rdata: y") }
        }
        #expect(response.header(.contentType) == "text/event-stream")
        #expect(response.header(.cacheControl) == "no-store")
        #expect(response.lines().contains("X-Accel-Buffering: no"))
        #expect(
            try await response.text()
                == ":\n\nevent: note\nid: 8\ndata: a\ndata: b\ndata: c\ndata: \ndata: id: 9\n\ndata: 7\n\n"
        )
    }

    @Test("A heartbeat finds that the client has left, and ends what sends events")
    func clientLeaves() async throws {
        struct Gone: Error {}
        final class LeavingWriter: ResponseBodyWriter {
            let left = Mutex(3)
            func write(_ bytes: [UInt8]) async throws {
                try self.left.withLock { left in
                    left -= 1
                    if left < 0 { throw Gone() }
                }
            }
            func flush() async throws {}
        }
        let wasCancelled = Mutex(false)
        let response = Response.events(for: makeRequest(), heartbeat: .milliseconds(1)) { _ in
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                wasCancelled.withLock { $0 = true }
                throw error
            }
        }
        await #expect(throws: Gone.self) { try await response.body.write(to: LeavingWriter()) }
        #expect(wasCancelled.withLock { $0 })
    }
}
