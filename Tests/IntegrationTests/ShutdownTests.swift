import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Starting and stopping")
    struct Shutdown {
        @Test("SIGTERM lets running requests finish, and leaves nothing behind", .timeLimit(.minutes(5)))
        func termination() async throws {
            try await TestApplication.with(workers: 2, threads: 4) { app in
                let workers = app.workers
                #expect(workers.count == 2)
                async let running = withThrowingTaskGroup(of: CurlAnswer.self) { group in
                    for _ in 0..<12 { group.addTask { try await app.get("/slow?ms=1000") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                try await eventually("all requests are accepted") { app.acceptedConnections >= 12 }
                let ending = await app.terminate()
                let answers = try await running
                #expect(answers.count == 12 && answers.allSatisfy { $0.status == 200 }, "\(answers.map(\.status))")
                #expect(ending == .exited(0))
                for worker in workers { #expect(kill(worker, 0) != 0, "worker \(worker) is still there") }
                #expect(!FileManager.default.fileExists(atPath: app.folder["app.sock"]))
            }
        }

        @Test("a second start takes sessions and secret over", .timeLimit(.minutes(5)))
        func restart() async throws {
            let kept = try TestFolder()
            let settings = [
                "PARANOID_SESSION_DIR": kept["sessions"], "PARANOID_SECRET_FILE": kept["secret"], "PSESSION_NONCE_TIMEOUT": "none",
            ]
            let field = try await TestApplication.with(settings: settings) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                return jar.field
            }
            try await TestApplication.with(settings: settings) { app in
                let report = try await app.get("/session", "-H", "Cookie: \(field)").report()
                #expect(report.verdict == "accepted" && report.hits == 2)
            }
            let mode = try FileManager.default.attributesOfItem(atPath: kept["secret"])[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }

        @Test(
            "an unusable setting stops the start, with a message that names it",
            .timeLimit(.minutes(5)),
            arguments: [
                ("PSESSION_NONCE_TIMEOUT", "soon"), ("PSESSION_NONCE_WINDOW", "-1"), ("SESSION_COOKIE_SAMESITE", "Sometimes"),
                ("PSESSION_COOKIE_NAME", "a b"), ("PARANOID_WORKERS", "many"), ("PARANOID_LISTEN", "nowhere"),
                ("PSESSION_NONCE_TIMEOUTS", "1"),
            ]
        )
        func settings(_ name: String, _ value: String) async throws {
            let folder = try TestFolder()
            var values = [
                "PARANOID_LISTEN": "unix:\(folder["app.sock"])", "PARANOID_SESSION_DIR": folder["sessions"],
                "PARANOID_SECRET_FILE": folder["secret"],
            ]
            values[name] = value
            let program = try SpawnedCommand(
                ["\(Requirements.programs)/demo"],
                environment: Requirements.environment.merging(values) { $1 },
                errors: folder["log"]
            )
            let insisting = Task {
                try await Task.sleep(for: .seconds(30))
                program.signal(SIGKILL)
            }
            let ending = await program.waitForEnd()
            insisting.cancel()
            guard case .exited(let status) = ending, status != 0 else {
                Issue.record("the program ended with \(ending)")
                return
            }
            #expect(folder.text(of: "log").contains(name))
        }
    }
}
