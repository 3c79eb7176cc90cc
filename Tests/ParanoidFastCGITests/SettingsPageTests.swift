import Foundation
import Testing

@testable import ParanoidFastCGI

@Suite("The page of settings")
struct SettingsPageTests {
    @Test("names each of them, and no other")
    func complete() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = root.appending(path: "Sources/ParanoidFastCGI/Documentation.docc/Reference/Settings.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let named = rows.flatMap { row in
            row.split(separator: "|")[0].split(separator: "`").map(String.init).filter { $0.contains("_") }
        }
        let inText = Set(text.matches(of: /`([A-Z]+_[A-Z_]+)/).map { String($0.1) })
        #expect(Set(SettingNames.known).subtracting(inText) == [])
        #expect(Set(named).subtracting(SettingNames.known) == [])
    }
}
