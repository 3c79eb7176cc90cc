import Foundation
import ParanoidHTTP
import Testing

@testable import ParanoidFastCGI

@Suite("The access log")
struct AccessLogTests {
    private func entry(path: String = "/users/7", agent: String = "curl/8", status: Int = 200) -> AccessLogEntry {
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
        return AccessLogEntry(facts: trace.facts, total: 1_830_000, endedAt: 784_111_778_000_000_000)
    }

    private func line(_ entry: AccessLogEntry, _ format: String) throws -> String {
        String(decoding: entry.line(try #require(AccessLogFormat(format))), as: UTF8.self)
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
}
