import Foundation
import Logging
import Testing

@testable import ParanoidFastCGI

@Suite("Log lines as JSON")
struct JSONLogTests {
    private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> String {
        let event = LogEvent(
            level: .warning,
            message: "\(message)",
            error: nil,
            metadata: metadata,
            source: "test",
            file: "file",
            function: "function",
            line: 1
        )
        let bytes = JSONLogHandler(label: "paranoid").line(of: event, nanosecondsSinceEpoch: 784_111_777_045_000_000, process: 7)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("say when, how grave, who and what")
    func form() throws {
        let line = self.line("session refused", ["session.reason": "nonce", "a": "b"])
        #expect(
            line == #"{"time":"1994-11-06T08:49:37.045Z","level":"warning","process":7,"logger":"paranoid","message":"session refused","#
                + #""a":"b","session.reason":"nonce"}"# + "\n"
        )
    }

    @Test(
        "stay one line and one object, whatever a client sends",
        arguments: [
            "a\nb", "a\r\n{\"level\":\"info\"}", "\u{1B}[2J", "\u{202E}abc", "\u{2028}", "\u{0}", "\"},{\"", "\\", "\u{FEFF}", "\u{E000}",
            "ü€😀",
            "\u{85}",
        ]
    )
    func injection(_ text: String) throws {
        let line = self.line(text, ["key": "\(text)", "list": ["\(text)"]])
        #expect(line.utf8.filter { $0 == UInt8(ascii: "\n") }.count == 1 && line.utf8.last == UInt8(ascii: "\n"))
        #expect(line.unicodeScalars.dropLast().allSatisfy { ![.control, .format, .lineSeparator].contains($0.properties.generalCategory) })
        let object = try JSONDecoder().decode([String: Value].self, from: Data(line.utf8))
        #expect(object["message"] == .text(text) && object["key"] == .text(text))
    }

    @Test("have numbers as numbers and texts as texts, also texts of digits")
    func numbers() {
        let line = self.line("m", ["count": .stringConvertible(7), "handle": "0123456789012345", "is": .stringConvertible(true)])
        #expect(line.contains(#""count":7,"handle":"0123456789012345","is":true"#))
    }

    @Test("cut what is long")
    func long() {
        #expect(self.line(String(repeating: "x", count: 100_000)).utf8.count < 2 * JSONLogHandler.maximumValueLength)
    }

    private enum Value: Decodable, Equatable {
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            self = (try? decoder.singleValueContainer().decode(String.self)).map { .text($0) } ?? .other
        }
    }
}
