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

    @Test("refuses a file that others could have written", arguments: [0o622, 0o602, 0o620])
    func untrusted(_ mode: Int) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "environment-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(FileManager.default.createFile(atPath: path, contents: Data("A=b\n".utf8), attributes: [.posixPermissions: 0o644]))
        #expect(try ProcessEnvironment(file: path)["A"] == "b")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let error = #expect(throws: ProcessEnvironmentError.self) { _ = try ProcessEnvironment(file: path) }
        #expect(error?.code == .untrusted)
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
