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

    @Test(
        "have every value that is a number as a number, also in lists and tables",
        arguments: [
            (.stringConvertible(UInt8(7)), "7"), (.stringConvertible(Int64.min), "-9223372036854775808"), (.stringConvertible(1.5), "1.5"),
            (.stringConvertible(Float(0.5)), "0.5"), (.stringConvertible(Double.infinity), #""inf""#), (.stringConvertible(false), "false"),
            ("7", #""7""#), ([.stringConvertible(1), "a", ["b"]], #"[1,"a",["b"]]"#), ([], "[]"), ([:], "{}"),
            (["b": .stringConvertible(2), "a": ["c": .stringConvertible(true)]], #"{"a":{"c":true},"b":2}"#),
            (.stringConvertible(Duration.seconds(2)), #""2.0 seconds""#),
        ] as [(Logger.MetadataValue, String)]
    )
    func values(_ value: Logger.MetadataValue, _ text: String) {
        #expect(self.line("m", ["v": value]).hasSuffix(#","v":\#(text)}"# + "\n"))
    }

    @Test("are numbers where the sources have numbers")
    func sources() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        // A count, limit, size or time as text would be a string in JSON.
        let text =
            /"[a-z._]+": "\\\([^"]*(?:[cC]ount|[lL]imit|[bB]ytes|[sS]econds|[mM]icroseconds|[nN]umber|[pP]ause|[sS]ilence|[gG]race)\)"/
        let files = FileManager.default.enumerator(at: root.appending(path: "Sources"), includingPropertiesForKeys: nil)
        var found: [String] = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            found += try String(contentsOf: file, encoding: .utf8).matches(of: text).map { String($0.0) }
        }
        #expect(found == [])
    }

    @Test("say why a process cannot go on, with the setting and the exit code")
    func failure() throws {
        let error = ConfigurationError(setting: "PARANOID_THREADS", problem: "'x\n\u{1B}' is no number")
        let now: Int64 = 784_111_777_045_000_000
        let line = LogFormat.json.line(of: error, code: 78, nanosecondsSinceEpoch: now, process: 7)
        #expect(
            line == #"{"time":"1994-11-06T08:49:37.045Z","level":"critical","process":7,"logger":"paranoid","#
                + #""message":"the application cannot go on","error":"PARANOID_THREADS: 'x \u001b' is no number","exit.code":78,"#
                + #""setting":"PARANOID_THREADS"}"#
        )
        #expect(LogFormat.text.line(of: error, code: 78, nanosecondsSinceEpoch: now) == "PARANOID_THREADS: 'x \u{1B}' is no number")
        #expect(
            LogFormat.json.line(of: ApplicationError("a"), code: 70, nanosecondsSinceEpoch: now).contains(#""error":"a","exit.code":70}"#)
        )
        #expect(LogFormat(ofSetting: "json") == .json && LogFormat(ofSetting: "xml") == .text && LogFormat(ofSetting: nil) == .text)
    }

    @Test("cut what is long")
    func long() {
        let text = String(repeating: "x", count: 100_000)
        #expect(self.line(text).utf8.count < 2 * JSONLogHandler.maximumValueLength)
        #expect(self.line("m", ["v": .array((0..<100_000).map { "\($0)" })]).utf8.count < 2 * JSONLogHandler.maximumValueLength)
    }

    private enum Value: Decodable, Equatable {
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            self = (try? decoder.singleValueContainer().decode(String.self)).map { .text($0) } ?? .other
        }
    }
}
