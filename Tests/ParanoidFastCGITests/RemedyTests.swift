import Foundation
import Glibc
import ParanoidLinux
import ParanoidSessions
import Testing

@testable import ParanoidFastCGI

@Suite("What helps against a start that fails")
struct RemedyTests {
    private static func call(_ code: CInt) -> SystemCallError { SystemCallError("open", code: code) }

    private static let errors: [(any Error & Sendable, Remedy)] = [
        (call(ENOSPC), .later), (call(EDQUOT), .later), (call(EADDRINUSE), .later), (call(EADDRNOTAVAIL), .later),
        (call(EMFILE), .system), (call(ENFILE), .system), (call(ENOMEM), .system), (call(EIO), .system),
        (call(EACCES), .change), (call(EPERM), .change), (call(ENOENT), .change), (call(ELOOP), .change), (call(EROFS), .change),
        (SessionStoreError(.full, message: ""), .later), (SessionStoreError(.unavailable, message: ""), .later),
        (SessionStoreError(.unavailable, message: "", cause: call(EIO)), .system),
        (SessionStoreError(.unavailable, message: "", cause: call(ENOENT)), .change), (SessionStoreError(.refused, message: ""), .change),
        (SessionStoreError(.lockTimeout, message: ""), .later), (SessionStoreError(.damaged, message: ""), .change),
        (PrivateFile.Failure.system(call(ENOSPC)), .later), (PrivateFile.Failure.foreignOwner, .change),
        (PrivateFile.Failure.readableByOthers(permissions: 0o644), .change),
        (SecureDirectoryError.system(call(ENOMEM), path: "/x"), .system),
        (SecureDirectoryError.foreignOwner(path: "/x", owner: 1), .change),
        (ConfigurationError(setting: "X", problem: "", remedy: .later), .later), (ConfigurationError(setting: "X", problem: ""), .change),
        (CancellationError(), .change),
    ]

    @Test("depends on the error", arguments: errors.indices)
    func remedy(_ index: Int) {
        let (error, remedy) = Self.errors[index]
        #expect(Remedy(of: error) == remedy, "\(error)")
    }

    @Test("is told by three exit codes of sysexits.h, of which the tool leaves the wrong setting to its own 1")
    func codes() {
        #expect(Remedy.allCases.map(\.exitCode) == [78, 75, 71])
        #expect(ConfigurationError(setting: "X", problem: "", remedy: .later).exitCode == 75)
        #expect(CommandLineOutput.exitCode(toTryAgain: Self.call(ENOSPC)) == 75)
        #expect(CommandLineOutput.exitCode(toTryAgain: Self.call(EIO)) == 71)
        #expect(CommandLineOutput.exitCode(toTryAgain: Self.call(EACCES)) == nil)
    }
}

@Suite("The shipped units of systemd")
struct ShippedUnitTests {
    /// The value of each name in a unit; names with several values have all of them, in their order.
    static func values(_ file: String) throws -> [String: [String]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "nginx/systemd/\(file)"), encoding: .utf8)
        var values: [String: [String]] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let separator = line.firstIndex(of: "=") else { continue }
            values[String(line[..<separator]), default: []].append(String(line[line.index(after: separator)...]))
        }
        return values
    }

    @Test("start the application again, and again, after what passes, and not after a wrong setting")
    func restarts() throws {
        let service = try Self.values("paranoid-app.service")
        let kept = try #require(service["RestartPreventExitStatus"]?.first?.split(separator: " ").compactMap { CInt($0) })
        #expect(kept == [Remedy.change.exitCode] && service["Restart"] == ["always"])
        func number(_ name: String) throws -> Int { try #require(service[name]?.first.flatMap { Int($0) }, "\(name)") }
        // So many starts, each after this pause, take longer than the interval in which they are counted.
        #expect(try number("StartLimitBurst") * number("RestartSec") > number("StartLimitIntervalSec"))
    }
}
