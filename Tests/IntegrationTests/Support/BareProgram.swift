import Foundation
import TestSupport

/// A program of this package without nginx, for tests that look at its process and its socket.
final class BareProgram: Sendable {
    let folder: TestFolder
    let process: SpawnedCommand
    /// Where it listens.
    var socket: String { self.folder["app.sock"] }
    /// What it wrote to standard error.
    var log: String { self.folder.text(of: "app.log") }

    /// Starts the program; it may not answer yet.
    ///
    /// - Parameters:
    ///   - name: The executable.
    ///   - settings: Environment variables beside those that are chosen here; an empty value removes one.
    ///   - shell: What bash does before, with `"$0"` for the program.
    ///   - passing: Descriptors that the program is to have as 3 and the following.
    init(
        _ name: String = "stress-server",
        in folder: TestFolder,
        workers: Int = 1,
        settings: [String: String] = [:],
        shell: String = "exec \"$0\"",
        passing: [Int32] = []
    ) throws {
        self.folder = folder
        let defaults = [
            "PARANOID_LISTEN": "unix:\(folder["app.sock"])", "PARANOID_WORKERS": "\(workers)", "PARANOID_THREADS": "2",
            "PARANOID_SESSION_DIR": folder["state/sessions"], "PARANOID_SECRET_FILE": folder["state/secret"],
        ]
        self.process = try SpawnedCommand(
            ["bash", "-c", shell, "\(Requirements.programs)/\(name)"],
            environment: Requirements.environment.merging(defaults) { $1 }.merging(settings) { $1 }.filter { !$0.value.isEmpty },
            output: "/dev/null",
            errors: folder["app.log"],
            passing: passing
        )
    }

    /// Starts a program, waits until it answers, lends it and ends it whatever happens.
    ///
    /// - Parameter path: Where it is mounted.
    static func with<Outcome>(
        _ name: String = "stress-server",
        in folder: TestFolder? = nil,
        workers: Int = 1,
        settings: [String: String] = [:],
        shell: String = "exec \"$0\"",
        passing: [Int32] = [],
        path: String = "",
        _ body: (BareProgram) async throws -> Outcome
    ) async throws -> Outcome {
        let folder = try folder ?? TestFolder()
        let program = try BareProgram(name, in: folder, workers: workers, settings: settings, shell: shell, passing: passing)
        do {
            try await eventually("the program answers") {
                if let ending = program.process.ending { throw TestFailure("the program ended: \(ending)\n\(program.log)") }
                return (try? KeptConnection.get("\(path)/hello", from: program.socket)) == "hello\n"
            }
            let outcome = try await body(program)
            await program.end()
            return outcome
        } catch {
            await program.end()
            throw error
        }
    }

    /// The worker processes at this moment.
    var workers: [pid_t] { TestApplication.children(of: self.process.pid) }

    /// Ends the program, if it still runs.
    func end() async {
        self.process.signal(SIGTERM)
        let insisting = Task {
            try await Task.sleep(for: .seconds(60))
            self.process.signal(SIGKILL)
        }
        _ = await self.process.waitForEnd()
        insisting.cancel()
    }

    /// A line of `/proc/PID/status`, as words behind the colon.
    static func status(_ name: String, of process: pid_t) -> [String] {
        let line = TestFolder.text(at: "/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line?.split(whereSeparator: { " \t".contains($0) }).dropFirst().map(String.init) ?? []
    }
}
