import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Lines of the log")
    struct LogLines {
        /// The lines of a log in JSON.
        private func objects(_ log: String) throws -> [[String: Any]] {
            try log.split(separator: "\n").map { line in
                try #require(try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
            }
        }

        @Test("that a client causes again and again are few, and say how many were left out", .timeLimit(.minutes(5)), arguments: [0, 1])
        func flood(workers: Int) async throws {
            try await BareProgram.with(workers: workers, settings: ["PARANOID_LOG_FORMAT": "json"]) { program in
                let connection = try KeptConnection(path: program.socket)
                let count = 300
                for _ in 0..<count {
                    // Two values for one parameter.
                    let response = try connection.post("/hello", [("REQUEST_METHOD", "GET")], [(5, [])])
                    #expect(response.hasPrefix("Status: 400"))
                }
                // The lines that were written, those that they say were left out, and what the heartbeat tells at last.
                try await eventually("each line is told of") {
                    var told = 0
                    for line in try self.objects(program.log) {
                        if line["message"] as? String == "request refused" {
                            told += 1
                        } else if line["log.message"] as? String != "request refused" {
                            continue
                        }
                        told += line["log.left_out"] as? Int ?? 0
                    }
                    return told == count
                }
            }
        }

        @Test(
            "are JSON also when a setting cannot be used, whoever finds it",
            .timeLimit(.minutes(5)),
            arguments: [
                (["PARANOID_THREADS": "many"], "PARANOID_THREADS", ""), (["PARANOID_THREDS": "1"], "PARANOID_THREDS", ""),
                (["PARANOID_LISTEN": "unix:/proc/no/app.sock"], "PARANOID_LISTEN", ""), ([:], "PARANOID_THREADS", "PARANOID_THREADS=x\n"),
            ]
        )
        func settings(_ settings: [String: String], _ name: String, _ file: String) async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            try Data(("PARANOID_LOG_FORMAT=json\n" + file).utf8).write(to: URL(filePath: folder["env"]))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder["env"])
            let program = try BareProgram(in: folder, settings: settings.merging(["PARANOID_ENV_FILE": folder["env"]]) { $1 })
            #expect(await program.process.waitForEnd() == .exited(78))
            let lines = try self.objects(program.log)
            let line = try #require(lines.last)
            #expect(line["level"] as? String == "critical" && line["setting"] as? String == name, "\(program.log)")
            #expect(line["exit.code"] as? Int == 78 && (line["error"] as? String)?.hasPrefix("\(name): ") == true)
        }

        @Test("about a worker that crashed have numbers that are numbers", .timeLimit(.minutes(5)))
        func crash() async throws {
            let settings = ["PARANOID_LOG_FORMAT": "json", "DEMO_ALLOW_CRASH": "1"]
            try await TestApplication.with(workers: 1, settings: settings) { app in
                _ = try? await app.get("/crash", "--max-time", "60")
                func line(_ message: String) -> [String: Any]? {
                    app.log.split(separator: "\n").compactMap { line in
                        (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
                    }
                    .first { $0["message"] as? String == message }
                }
                try await eventually("both lines are there") {
                    line("worker died") != nil && line("a worker ended while it served a request") != nil
                }
                #expect(line("worker died")?["worker.restart_seconds"] as? Double != nil)
                #expect(line("worker died")?["worker.early_exits"] as? Int != nil)
                let request = line("a worker ended while it served a request")
                #expect(request?["request.milliseconds"] as? Int != nil)
                #expect((request?["request"] as? String)?.hasPrefix("GET /crash ") == true)
            }
        }

        @Test(
            "have the status that the client got when a request took too long, whatever its handler returned later",
            .timeLimit(.minutes(5)),
            arguments: ["/ignore?ms=3000", "/wait?ms=600000"]
        )
        func deadline(_ path: String) async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            let settings = [
                "PARANOID_ACCESS_LOG": folder["access.log"], "PARANOID_REQUEST_DEADLINE": "1", "PARANOID_REQUEST_GRACE": "600",
            ]
            try await BareProgram.with(settings: settings) { program in
                #expect(try KeptConnection.get(path, from: program.socket) == "Service Unavailable\n")
                let route = String(path.prefix { $0 != "?" })
                func line() throws -> [String: Any]? {
                    try self.objects(folder.text(of: "access.log")).first { $0["path"] as? String == route }
                }
                // A line is written when the handler has returned.
                try await eventually("the line is written") { try line() != nil }
                let object = try #require(try line())
                #expect(object["status"] as? Int == 503 && object["bytes"] as? Int == "Service Unavailable\n".utf8.count)
                #expect(object["route"] as? String == route)
            }
        }
    }

    @Suite("Waits for a session")
    struct LockWaits {
        private struct Waits {
            var count = 0
            var abandoned = 0
            var microseconds = 0
        }

        /// What the status says of waits.
        private func waits(_ app: TestApplication) async throws -> Waits {
            let output = app.folder["curl.\(UUID().uuidString)"]
            let curl = try SpawnedCommand(
                ["curl", "-sS", "--max-time", "60", "--unix-socket", app.folder["app.status.sock"], "http://localhost/status.json"],
                environment: Requirements.environment,
                output: output
            )
            _ = await curl.waitForEnd()
            let object = try JSONSerialization.jsonObject(with: Data(TestFolder.text(at: output).utf8)) as? [String: Any]
            let waits = try #require(object?["lock_waits"] as? [String: Any])
            return Waits(
                count: try #require(waits["count"] as? Int),
                abandoned: try #require(waits["given_up"] as? Int),
                microseconds: try #require(waits["microseconds"] as? Int)
            )
        }

        /// Opens the only session there is, as another process.
        private func openSession(_ app: TestApplication) throws -> Int32 {
            let root = app.folder["sessions"]
            let names = try #require(FileManager.default.enumerator(atPath: root)?.allObjects as? [String])
            let sessions = names.filter { $0.wholeMatch(of: /[0-9a-f]{2}\/[0-9a-f]+/) != nil }
            try #require(sessions.count == 1, "\(names)")
            let file = unsafe open("\(root)/\(sessions[0])", O_RDWR | O_CLOEXEC)
            try #require(file >= 0)
            return file
        }

        @Test("that another process holds are in the status, with their time, also those that were given up", .timeLimit(.minutes(5)))
        func held() async throws {
            let settings = ["PARANOID_LOCK_TIMEOUT": "0.2", "PSESSION_NONCE_TIMEOUT": "none"]
            try await TestApplication.with(workers: 2, settings: settings) { app in
                let jar = try app.jar()
                #expect(try await app.get("/session", jar: jar).status == 200)
                #expect(try await self.waits(app).count == 0)
                let file = try self.openSession(app)
                defer { close(file) }
                #expect(flock(file, LOCK_EX) == 0)
                #expect(try await app.get("/session", jar: jar).status == 503)
                flock(file, LOCK_UN)
                let waits = try await self.waits(app)
                #expect(waits.count == 1 && waits.abandoned == 1 && waits.microseconds >= 200_000)
                #expect(try await app.get("/session", jar: jar).status == 200)
                #expect(try await self.waits(app).count == 1)
            }
        }

        @Test("between requests of two workers and eight threads are in the status", .timeLimit(.minutes(5)))
        func contended() async throws {
            let settings = ["PARANOID_LOCK_TIMEOUT": "200", "PSESSION_NONCE_TIMEOUT": "none"]
            try await TestApplication.with(workers: 2, threads: 4, settings: settings) { app in
                let jar = try app.jar()
                #expect(try await app.get("/session", jar: jar).status == 200)
                let field = jar.field
                let file = try self.openSession(app)
                defer { close(file) }
                var rounds = 0
                // A request that comes to the lock after it is free again does not wait, so one round may not be enough.
                try await eventually("several have waited") {
                    rounds += 1
                    #expect(flock(file, LOCK_EX) == 0)
                    let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                        for _ in 0..<8 { group.addTask { try await app.get("/session", "-H", "Cookie: \(field)").status } }
                        try await Task.sleep(for: .milliseconds(100))
                        flock(file, LOCK_UN)
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(answers == [Int](repeating: 200, count: 8))
                    return try await self.waits(app).count >= 4
                }
                let waits = try await self.waits(app)
                #expect(waits.abandoned == 0 && waits.microseconds > 0)
                let report = try await app.get("/session/peek", "-H", "Cookie: \(field)").report()
                #expect(report.hits == 1 + 8 * rounds, "no request that waited was lost")
            }
        }
    }
}
