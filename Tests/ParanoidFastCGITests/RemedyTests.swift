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

    /// A file of the folder `nginx`.
    private func shipped(_ file: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "nginx/\(file)"), encoding: .utf8)
    }

    @Test("name the socket that the shipped files of web servers name, and each other")
    func sockets() throws {
        let socket = try Self.values("paranoid-app.socket")
        let service = try Self.values("paranoid-app.service")
        let path = try #require(socket["ListenStream"]?.first)
        let servers = try self.shipped("paranoid_upstream.conf").matches(of: /\n\s*server\s+(\S+)/).map { String($0.1) }
        #expect(!servers.isEmpty && servers.allSatisfy { $0 == "unix:\(path)" }, "\(servers)")
        for file in ["apache.conf", "lighttpd.conf", "haproxy.cfg", "Caddyfile"] {
            #expect(try self.shipped("others/\(file)").contains(path), "\(file)")
        }
        let name = try #require(socket["FileDescriptorName"]?.first)
        #expect(service["Environment"] == ["PARANOID_LISTEN=systemd:\(name)"])
        #expect(service["Requires"] == ["paranoid-app.socket"])
        let configuration = try ApplicationConfiguration(environment: ["HOME": "/home/a", "PARANOID_LISTEN": "systemd:\(name)"])
        #expect(NginxConfiguration.matching(configuration).contains("unix:\(path)"))
        // The script of the package puts another path into both.
        #expect(try self.shipped("debian/package.sh").contains("s|\(path)|/run/$name.sock|"))
    }

    @Test("reload by a signal as systemd 252 does; the drop-in for 253 leaves that to systemd")
    func reloads() throws {
        let service = try Self.values("paranoid-app.service")
        #expect(service["Type"] == ["notify"] && service["ExecReload"] == ["/bin/kill -HUP $MAINPID"])
        let newer = try Self.values("notify-reload.conf")
        #expect(newer == ["Type": ["notify-reload"], "ExecReload": [""]])
        #expect(try self.shipped("debian/package.sh").contains("examples/notify-reload.conf"))
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
