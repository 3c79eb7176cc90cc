import Foundation
import Testing

@testable import ParanoidFastCGI

@Suite("The page of settings")
struct SettingsPageTests {
    @Test("is what `paranoid config reference` prints")
    func generated() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let documents = root.appending(path: "Sources/ParanoidFastCGI/Documentation.docc")
        let files = try #require(FileManager.default.enumerator(at: documents, includingPropertiesForKeys: nil))
        let page = try #require(files.compactMap { $0 as? URL }.first { $0.lastPathComponent == "Settings.md" })
        let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let begin = try #require(lines.firstIndex(of: SettingsReference.marks.begin))
        let end = try #require(lines.firstIndex(of: SettingsReference.marks.end))
        let expected = SettingsReference.markdown.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[(begin + 1)..<end].filter { !$0.isEmpty } == expected.filter { !$0.isEmpty })
    }

    @Test("describes each setting once, with what is allowed and what it does")
    func complete() {
        let rows = SettingsReference.markdown.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let names = rows.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
        #expect(names.sorted() == SettingNames.known.sorted())
        #expect(Setting.all.allSatisfy { $0.purpose.hasSuffix(".") && !$0.allowed.isEmpty })
    }
}
