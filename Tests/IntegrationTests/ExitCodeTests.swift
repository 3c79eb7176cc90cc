import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("A start that fails")
    struct ExitCodes {
        /// Starts a program and returns its end with what it wrote.
        private func start(_ folder: TestFolder, workers: Int, _ settings: [String: String]) async throws -> (SpawnedCommand.Ending, String)
        {
            let program = try BareProgram(in: folder, workers: workers, settings: settings)
            return (await program.process.waitForEnd(), program.log)
        }

        @Test("because an address is in use ends with 75, as the address may be free later", .timeLimit(.minutes(5)), arguments: [0, 2])
        func addressInUse(workers: Int) async throws {
            let folder = try TestFolder()
            let socket = try LocalSocket(folder["used.sock"], datagrams: false)
            for setting in ["PARANOID_LISTEN", "PARANOID_STATUS"] {
                let (ending, log) = try await self.start(folder, workers: workers, [setting: "unix:\(folder["used.sock"])"])
                #expect(ending == .exited(75) && log.contains("\(setting): ") && log.contains("another process answers"), "\(log)")
            }
            _ = socket.number
        }

        @Test("because a TCP port is taken ends with 75, and JSON says so", .timeLimit(.minutes(5)))
        func portInUse() async throws {
            let folder = try TestFolder()
            let port = try FreePorts.find(1)[0]
            let first = try BareProgram(
                in: folder,
                settings: ["PARANOID_LISTEN": "127.0.0.1:\(port)", "PARANOID_LISTEN_CLIENTS": "127.0.0.1"]
            )
            try await eventually("the first has the port") { first.log.contains("supervising") }
            let (ending, log) = try await self.start(
                TestFolder(),
                workers: 1,
                ["PARANOID_LISTEN": "127.0.0.1:\(port)", "PARANOID_LOG_FORMAT": "json"]
            )
            await first.end()
            #expect(ending == .exited(75) && log.contains("\"exit.code\":75") && log.contains("\"setting\":\"PARANOID_LISTEN\""), "\(log)")
        }

        @Test("because of what somebody has to change ends with 78, and names the place once", .timeLimit(.minutes(5)), arguments: [0, 2])
        func toChange(workers: Int) async throws {
            let folder = try TestFolder()
            try Data("x".utf8).write(to: URL(filePath: folder["file"]))
            try FileManager.default.createDirectory(atPath: folder["open"], withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder["open"])
            for settings in [
                ["PARANOID_LISTEN": "unix:\(folder["file"])"], ["PARANOID_LISTEN": "unix:\(folder["file"])/app.sock"],
                ["PARANOID_SESSION_DIR": folder["open/state"]], ["PARANOID_SESSION_DIR": folder["file"]],
                ["PARANOID_SECRET_FILE": folder["open"]], ["PARANOID_ENV_FILE": folder["none"]],
            ] {
                let (ending, log) = try await self.start(folder, workers: workers, settings)
                #expect(ending == .exited(78), "\(settings): \(log)")
                let path = try #require(settings.values.first.map { $0.hasPrefix("unix:") ? String($0.dropFirst(5)) : $0 })
                let line = log.split(separator: "\n").last ?? ""
                #expect(line.components(separatedBy: path).count == 2, "the message names the place once: \(line)")
            }
        }
    }
}
