import Foundation
import ParanoidFastCGITesting
import ParanoidHTTP
import ParanoidLinux
import TestSupport
import Testing

@testable import ParanoidFastCGI

@Suite("The access log")
struct AccessLogTests {
    private func entry(path: String = "/users/7", agent: String = "curl/8", status: Int = 200) -> RequestTrace.Facts {
        let trace = RequestTrace { _, _ in }
        trace.add(90_000, to: .queued)
        trace.note { facts in
            facts.client = "192.0.2.7"
            facts.path = path
            facts.query = "q=1"
            facts.status = status
            facts.bodyByteCount = 512
            facts.identifier = "4f1c"
            for text in ["https://example.org/", agent] { facts.keep(field: unsafe Array(text.utf8).span.bytes) }
            facts.sessionNumber = 0x0123_4567_8901_2345
        }
        return trace.facts
    }

    private func line(_ facts: RequestTrace.Facts, _ format: String) throws -> String {
        let format = try #require(AccessLogFormat(format))
        return String(decoding: AccessLogEntry.line(facts, total: 1_830_000, endedAt: 784_111_778_000_000_000, format), as: UTF8.self)
    }

    @Test("is Apache's combined format")
    func combined() throws {
        #expect(
            try self.line(self.entry(), "combined")
                == #"192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] " /users/7 HTTP/1.1" 200 512 "https://example.org/" "curl/8""# + "\n"
        )
    }

    @Test("is a template, with what Apache does not know")
    func template() throws {
        let text = try self.line(self.entry(), "%m%U%q %s %D %{queued}x %{session}x %L %{verdict}x 100%%")
        #expect(text == "-/users/7?q=1 200 1830 90 0123456789012345 4f1c - 100%\n")
    }

    @Test("is JSON with numbers as numbers")
    func json() throws {
        let text = try self.line(self.entry(), "json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["status"] as? Int == 200 && object["microseconds"] as? Int == 1830 && object["queued_microseconds"] as? Int == 90)
        #expect(object["session"] as? String == "0123456789012345" && object["route"] is NSNull && object["verdict"] is NSNull)
        #expect(text.contains(#""bytes":512,"#))
    }

    @Test("stays one line with its quotation marks, whatever a client sends", arguments: ["combined", "json", "%U %{User-agent}i"])
    func injection(_ format: String) throws {
        let evil = "a\"b\\\n192.0.2.8 - -\u{1B}[2J\u{2028}é"
        let text = try self.line(self.entry(path: "/" + evil, agent: evil), format)
        #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } == 1 && text.utf8.last == UInt8(ascii: "\n"))
        #expect(!text.contains("\u{1B}") && !text.contains("\u{2028}"))
    }

    @Test("refuses a template that it does not understand", arguments: ["", "plain", "%z", "%{x", "%{no}x", "%", "%i", "%h\n"])
    func refusals(_ text: String) {
        #expect(AccessLogFormat(text) == nil)
    }

    /// A log in a file of its own.
    private struct OpenLog {
        let directory: TemporaryDirectory
        let log: AccessLog

        init() throws {
            self.directory = try TemporaryDirectory()
            self.log = try AccessLog(.template([.path]), at: .file("\(self.directory.path)/access.log"))
        }

        func lines() throws -> [String] {
            try String(contentsOfFile: "\(self.directory.path)/access.log", encoding: .utf8).split(separator: "\n").map(String.init)
        }
    }

    @Test("is written at once when there is little to write, and in pieces of 10 ms otherwise; nothing is left behind")
    func gathering() throws {
        let made = try OpenLog()
        made.log.write(self.entry(path: "/1"), total: 1, now: 0)
        #expect(try made.lines() == ["/1"])
        made.log.write(self.entry(path: "/2"), total: 1, now: 9_999_999)
        made.log.write(self.entry(path: "/3"), total: 1, now: 9_999_999)
        #expect(try made.lines() == ["/1"])
        made.log.write(self.entry(path: "/4"), total: 1, now: 10_000_000)
        #expect(try made.lines() == ["/1", "/2", "/3", "/4"])
        made.log.write(self.entry(path: "/5"), total: 1, now: 10_000_001)
        made.log.flush()
        #expect(try made.lines().last == "/5")
        made.log.flush()
        #expect(try made.lines().count == 5)
    }

    @Test("has whole lines in each piece, however long they are")
    func pieces() throws {
        let made = try OpenLog()
        let paths = (0..<200).map { "/\($0)/" + String(repeating: "x", count: $0 * $0 % 9001) } + [String(repeating: "y", count: 40_000)]
        for path in paths { made.log.write(self.entry(path: path), total: 1, now: 0) }
        made.log.flush()
        #expect(try made.lines() == paths)
        // Longer than one call may carry for a pipe, so that lines of several processes would mix.
        let (errors, system) = (try LineSink(.standardError), try LineSink(.systemLog(tag: "x")))
        #expect(errors.longestPiece == 4096 && system.longestPiece == 0)
    }

    @Test("is in the file of before up to the moment at which a new one is opened")
    func reopening() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/access.log"
        let log = try AccessLog(try #require(AccessLogFormat("%U")), at: .file(path))
        for name in ["/1", "/2"] { log.write(self.entry(path: name), total: 1, now: 0) }
        try FileManager.default.moveItem(atPath: path, toPath: "\(path).1")
        try log.reopen()
        log.write(self.entry(path: "/3"), total: 1, now: 0)
        log.flush()
        #expect(try String(contentsOfFile: "\(path).1", encoding: .utf8) == "/1\n/2\n")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "/3\n")
    }
}
