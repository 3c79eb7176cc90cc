import Foundation
import ParanoidFastCGI
import Testing

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

    @Test("has a row for each event of a session")
    func eventsAreComplete() throws {
        let page = try self.page()
        #expect(SessionEvent.Kind.allCases.map(\.rawValue).filter { !page.contains("| `\($0)` |") } == [])
    }
}
