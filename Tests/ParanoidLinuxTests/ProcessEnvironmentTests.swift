import Foundation
import Glibc
import ParanoidLinux
import Testing

@Suite("Process environment")
struct ProcessEnvironmentTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var text: [UInt8]
        var code: ProcessEnvironmentError.Code
        var line: Int
        var testDescription: String { String(decoding: self.text, as: UTF8.self).debugDescription }

        init(_ text: String, _ code: ProcessEnvironmentError.Code, line: Int = 1) {
            self.text = Array(text.utf8)
            self.code = code
            self.line = line
        }
    }

    @Test("reads a file of settings byte for byte")
    func parsing() throws {
        let text = "# comment\n\n  \t# indented\nA=1\n  B= two words \nEMPTY=\nURL=a=b#c\nHOME=$HOME\\n\n_x9=\u{e9}\nlast=without line end"
        let environment = try ProcessEnvironment(parsing: Array(text.utf8))
        #expect(environment.names == ["A", "B", "EMPTY", "HOME", "URL", "_x9", "last"])
        #expect(environment["A"] == "1")
        #expect(environment["B"] == " two words ")
        #expect(environment["EMPTY"] == "")
        #expect(environment["URL"] == "a=b#c")
        #expect(environment["HOME"] == "$HOME\\n")
        #expect(environment["_x9"] == "é")
        #expect(environment["last"] == "without line end")
        #expect(environment["missing"] == nil)
    }

    @Test("keeps bytes that are not UTF-8")
    func rawBytes() throws {
        let environment = try ProcessEnvironment(parsing: Array("A=".utf8) + [0xFF, 0x80])
        #expect(environment.bytes(of: "A") == [0xFF, 0x80])
        #expect(environment.entries == [Array("A=".utf8) + [0xFF, 0x80]])
    }

    @Test(
        "refuses what could be understood in two ways",
        arguments: [
            Row("A", .missingSeparator),
            Row("A=1\nexport B=2", .invalidName, line: 2),
            Row("=1", .invalidName),
            Row("1A=1", .invalidName),
            Row("A B=1", .invalidName),
            Row("A-B=1", .invalidName),
            Row("\u{212A}=1", .invalidName),
            Row("#\n\nA =1", .invalidName, line: 3),
            Row("A=1\r\nB=2\r\n", .controlByte),
            Row("A=1\0", .controlByte),
            Row("A=\u{1B}[2J", .controlByte),
            Row("A=\u{7F}", .controlByte),
            Row("A=\"1\"", .quotedValue),
            Row("A='1'", .quotedValue),
            Row("A=1\nB=2\nA=1", .duplicateName, line: 3),
        ]
    )
    func refuses(_ row: Row) {
        let error = #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(parsing: row.text) }
        #expect(error?.code == row.code)
        #expect(error?.line == row.line)
    }

    @Test("says nothing of names and values in its errors")
    func silence() {
        let error = #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(parsing: Array("PASSWORD='hunter2'".utf8)) }
        #expect(error?.description == "line 1: values are taken as they are, so they must not be quoted")
    }

    @Test("reports a file that cannot be read")
    func unreadable() {
        let error = #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(file: "/nonexistent/environment") }
        #expect(error?.code == .unreadable)
        #expect(error?.cause?.code == ENOENT)
        #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(file: "/dev/zero") }
        #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(file: "/tmp") }
    }

    @Test("refuses a file that others can read or could have written", arguments: [0o622, 0o602, 0o620, 0o644, 0o660])
    func untrusted(_ mode: Int) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "environment-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(FileManager.default.createFile(atPath: path, contents: Data("A=b\n".utf8), attributes: [.posixPermissions: 0o600]))
        #expect(try ProcessEnvironment(file: path)["A"] == "b")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let error = #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(file: path) }
        #expect(error?.code == .untrusted && error?.failure == .readableByOthers(permissions: UInt32(mode)), "\(error as Any)")
        // Unlike a secret, it stays as it is.
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == mode)
    }

    @Test(
        "reads a file of root's that a group of the process may read",
        .enabled(if: geteuid() == 0, "needs root"),
        arguments: [0o640, 0o440]
    )
    func ofRoot(_ mode: Int) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "environment-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: mode, .groupOwnerAccountID: 10_001]
        #expect(FileManager.default.createFile(atPath: path, contents: Data("A=b\n".utf8), attributes: attributes))
        #expect(try ProcessEnvironment(file: path)["A"] == "b")
        try FileManager.default.setAttributes([.ownerAccountID: 10_001], ofItemAtPath: path)
        #expect(throws: ProcessEnvironmentError.self) { try ProcessEnvironment(file: path) }
    }

    @Test("refuses a link of another user", .enabled(if: geteuid() == 0, "needs root"))
    func link() throws {
        let folder = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: folder) }
        #expect(
            FileManager.default.createFile(atPath: "\(folder)/file", contents: Data("A=b\n".utf8), attributes: [.posixPermissions: 0o600])
        )
        try #require(unsafe symlink("\(folder)/file", "\(folder)/link") == 0)
        #expect(try ProcessEnvironment(file: "\(folder)/link")["A"] == "b")
        try #require(unsafe lchown("\(folder)/link", 10_001, 10_001) == 0)
        let error = #expect(throws: ProcessEnvironmentError.self) { try ProcessEnvironment(file: "\(folder)/link") }
        #expect(error?.failure == .notAFile)
    }

    @Test("refuses a file that others can replace, also behind a link")
    func directory() throws {
        let folder = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: folder) }
        try #require(unsafe mkdir("\(folder)/open", 0o700) == 0)
        let file = "\(folder)/open/file"
        #expect(FileManager.default.createFile(atPath: file, contents: Data("A=b\n".utf8), attributes: [.posixPermissions: 0o600]))
        try #require(unsafe symlink(file, "\(folder)/link") == 0)
        for path in [file, "\(folder)/link"] {
            for (mode, isRefused) in [(0o755, false), (0o1777, false), (0o777, true)] as [(mode_t, Bool)] {
                try #require(unsafe chmod("\(folder)/open", mode) == 0)
                let error = try? { () throws -> ProcessEnvironmentError? in
                    do { _ = try ProcessEnvironment(file: path) } catch let error as ProcessEnvironmentError { return error }
                    return nil
                }()
                #expect(error?.failure == (isRefused ? .directoryOfOthers(path: "\(folder)/open", permissions: 0o777) : nil), "\(path)")
            }
        }
    }

    @Test("sees this process's own variables, and merges with the later one stronger")
    func merging() {
        var environment = ProcessEnvironment.current()
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) }
        #expect(environment["PATH"] == path)
        var other = ProcessEnvironment()
        other["PATH"] = "/elsewhere"
        other["SUPERVISION"] = "1"
        environment.merge(other)
        #expect(environment["PATH"] == "/elsewhere")
        #expect(environment["SUPERVISION"] == "1")
        environment["SUPERVISION"] = nil
        #expect(environment["SUPERVISION"] == nil)
    }
}
