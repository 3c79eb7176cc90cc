import Foundation
import Testing

@testable import ParanoidFastCGI

@Suite("The page of events and log messages")
struct EventsPageTests {
    private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func page() throws -> String {
        let path = "Sources/ParanoidFastCGI/Documentation.docc/Reference/Events-and-log-messages.md"
        return try String(contentsOf: self.root.appending(path: path), encoding: .utf8)
    }

    /// The messages of all calls of a logger in the libraries; one that is put together at run time is not among them.
    private func messages() throws -> Set<String> {
        let sources = self.root.appending(path: "Sources")
        let call = /\.(?:(?:trace|debug|info|notice|warning|error|critical)\(|log\(\s*level:[^"()]*,)\s*"([^"\\]+)"\s*[,)]/
        var messages: Set<String> = []
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift", !file.path.contains("/Examples/") else { continue }
            messages.formUnion(try String(contentsOf: file, encoding: .utf8).matches(of: call).map { String($0.1) })
        }
        return messages
    }

    @Test("has a row for each message of a log line")
    func messagesAreComplete() throws {
        let page = try self.page()
        let messages = try self.messages()
        #expect(messages.count > 40)
        #expect(messages.filter { !page.contains("| `\($0)` |") }.sorted() == [])
    }

    /// The limit that a row shows, by its message.
    private func limits() throws -> [String: String] {
        let row = /^\| `([^`]+)` \| (?:trace|debug|info|notice|warning|error|critical|the level)[^|]* \| ([^|]+) \| (?:`([^`]+)` \|)?/
        var limits: [String: String] = [:]
        for line in try self.page().split(separator: "\n") {
            guard let match = try row.prefixMatch(in: line) else { continue }
            limits[String(match.3 ?? match.1)] = String(match.2)
        }
        return limits
    }

    @Test("says of each message how many lines a client can cause, and that is what holds")
    func limitsAreTrue() throws {
        let limits = try self.limits()
        #expect(limits.count > 90)
        let known = Dictionary(uniqueKeysWithValues: LogLimit.all.map { ($0.message, $0.limit.description) })
        #expect(limits.filter { $0.value != known[$0.key] ?? "–" }.map(\.key).sorted() == [])
        #expect(known.keys.filter { limits[$0] == nil }.sorted() == [])
        #expect(try self.messages().filter { limits[$0] == nil }.sorted() == [], "each message is in a row with a limit")
    }

    @Test("has a limit for each event of a session, and the message of each limit is in the sources")
    func limitsAreOfMessages() throws {
        let sources = self.root.appending(path: "Sources")
        var text = ""
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift", file.lastPathComponent != "LogLimit.swift" else { continue }
            text += try String(contentsOf: file, encoding: .utf8)
        }
        #expect(LogLimit.all.map(\.message).filter { !text.contains("\"\($0)\"") } == [])
        let page = try self.page()
        for kind in SessionEvent.Kind.allCases {
            let row = try #require(page.split(separator: "\n").first { $0.hasPrefix("| `\(kind.rawValue)` | ") })
            #expect(row.contains(" a second | `"), "\(row)")
        }
    }

    @Test("has a row for each event of a session")
    func eventsAreComplete() throws {
        let page = try self.page()
        #expect(SessionEvent.Kind.allCases.map(\.rawValue).filter { !page.contains("| `\($0)` |") } == [])
    }
}
