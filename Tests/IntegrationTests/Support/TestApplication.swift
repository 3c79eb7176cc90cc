import Foundation
import Synchronization
import TestSupport

/// A program of this package behind an nginx of its own, started for one test.
final class TestApplication: Sendable {
    let folder: TestFolder
    let program: SpawnedCommand
    let nginx: SpawnedCommand
    let port: Int
    let tlsPort: Int
    /// How many workers a test has killed and seen replaced.
    let lostWorkers = Mutex(0)

    /// Starts a program and nginx; both answer when this returns.
    ///
    /// - Parameters:
    ///   - name: The executable.
    ///   - settings: Environment variables of the program beside those that are chosen here.
    init(_ name: String = "demo", workers: Int = 2, threads: Int = 8, settings: [String: String] = [:]) async throws {
        self.folder = try TestFolder()
        let ports = try FreePorts.find(2)
        (self.port, self.tlsPort) = (ports[0], ports[1])
        let defaults = [
            "PARANOID_LISTEN": "unix:\(self.folder["app.sock"])",
            "PARANOID_WORKERS": "\(workers)",
            "PARANOID_THREADS": "\(threads)",
            "PARANOID_SESSION_DIR": self.folder["sessions"],
            "PARANOID_SECRET_FILE": self.folder["secret"],
        ]
        self.program = try SpawnedCommand(
            ["\(Requirements.programs)/\(name)"],
            environment: Requirements.environment.merging(defaults) { $1 }.merging(settings) { $1 },
            output: self.folder["app.out"],
            errors: self.folder["app.log"]
        )
        self.nginx = try SpawnedCommand(
            [
                "bash", "\(Requirements.root)/nginx/prefix.sh", self.folder["nginx"], self.folder["app.sock"], "\(ports[0])", "\(ports[1])",
                "--run",
            ],
            environment: Requirements.environment,
            errors: self.folder["nginx.err"]
        )
        // Tests/run.sh ends what it finds here, should this process be killed.
        try Data("\(self.program.pid)\n".utf8).write(to: URL(filePath: self.folder["app.pid"]))
        do {
            try await eventually("the application answers") {
                if let ending = self.program.ending { throw TestFailure("the application ended: \(ending)\n\(self.log)") }
                if let ending = self.nginx.ending { throw TestFailure("nginx ended: \(ending)\n\(self.folder.text(of: "nginx.err"))") }
                return try await self.get("/hello").status == 200
            }
        } catch {
            await self.end()
            self.folder.remove()
            throw error
        }
    }

    /// What the program wrote to standard error.
    var log: String { self.folder.text(of: "app.log") }

    /// The worker processes at this moment.
    var workers: [pid_t] { Self.children(of: self.program.pid) }

    /// The processes that a process has started and that were not collected yet.
    static func children(of process: pid_t) -> [pid_t] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return tasks.flatMap { task in
            TestFolder.text(at: "/proc/\(process)/task/\(task)/children").split(separator: " ").compactMap { pid_t($0) }
        }
        .sorted()
    }

    /// How many connections to the program's socket are accepted (state 03 in `/proc/net/unix`).
    var acceptedConnections: Int {
        TestFolder.text(at: "/proc/net/unix").split(separator: "\n").count { line in
            let fields = line.split(separator: " ")
            // The socket was bound under a hidden name in the same folder before it got its own.
            return fields.count == 8 && fields[5] == "03" && fields[7].hasPrefix(self.folder["."])
        }
    }

    /// Adds lines to nginx's server blocks, and has nginx read them.
    func configure(_ text: String) throws {
        let path = self.folder["nginx/conf/paranoid_location.conf"]
        try (String(contentsOfFile: path, encoding: .utf8) + "\n" + text).write(toFile: path, atomically: true, encoding: .utf8)
        self.nginx.signal(SIGHUP)
    }

    // MARK: Ending

    /// Asks the program to end and waits for it.
    func terminate() async -> SpawnedCommand.Ending {
        self.program.signal(SIGTERM)
        return await self.program.waitForEnd()
    }

    /// Ends nginx and the program, if they still run.
    func end() async {
        self.nginx.signal(SIGTERM)
        _ = await self.nginx.waitForEnd()
        self.program.signal(SIGTERM)
        let insisting = Task {
            try await Task.sleep(for: .seconds(60))
            self.program.signal(SIGKILL)
        }
        _ = await self.program.waitForEnd()
        insisting.cancel()
    }

    /// Starts an application, lends it and ends it whatever happens.
    static func with<Outcome: Sendable>(
        _ name: String = "demo",
        workers: Int = 2,
        threads: Int = 8,
        settings: [String: String] = [:],
        _ body: (TestApplication) async throws -> Outcome
    ) async throws -> Outcome {
        let application = try await TestApplication(name, workers: workers, threads: threads, settings: settings)
        do {
            let outcome = try await body(application)
            await application.end()
            application.folder.remove()
            return outcome
        } catch {
            await application.end()
            application.folder.remove()
            throw error
        }
    }
}
