import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("The status of a running application")
    struct Status {
        /// Runs `paranoid` with the settings of an application.
        private func tool(_ words: [String], for app: TestApplication) async throws -> (SpawnedCommand.Ending, String) {
            let output = app.folder["tool.\(UUID().uuidString)"]
            let environment = Requirements.environment.merging(["PARANOID_LISTEN": "unix:\(app.folder["app.sock"])"]) { $1 }
            let tool = try SpawnedCommand(
                ["\(Requirements.programs)/paranoid"] + words,
                environment: environment,
                output: output,
                errors: output
            )
            let ending = await tool.waitForEnd()
            return (ending, TestFolder.text(at: output))
        }

        /// Asks the status socket with curl.
        private func get(_ path: String, _ app: TestApplication, _ more: [String] = []) async throws -> String {
            let output = app.folder["curl.\(UUID().uuidString)"]
            let command =
                ["curl", "-sS", "--max-time", "60", "--unix-socket", app.folder["app.status.sock"], "http://localhost\(path)"] + more
            let curl = try SpawnedCommand(command, environment: Requirements.environment, output: output, errors: output)
            _ = await curl.waitForEnd()
            return TestFolder.text(at: output)
        }

        private func mode(of path: String) throws -> Int {
            (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? 0
        }

        @Test(
            "is on a route of the application where that asks for it: page, JSON and metrics; without a socket it is a 503",
            .timeLimit(.minutes(5))
        )
        func route() async throws {
            try await TestApplication.with("life-program", workers: 2) { app in
                try await eventually("both workers serve") { try await self.get("/ready", app) == "ready: 2 of 2 workers serve\n" }
                let page = try await app.curl(app.secure("/status/page"))
                #expect(page.status == 200 && page.text.hasPrefix("<!DOCTYPE html>") && page.text.contains("GET /status/{form}"))
                #expect(page.values("cache-control") == ["no-store"])
                #expect(page.fields.contains { $0.name == "content-security-policy" && $0.value.contains("style-src 'unsafe-inline'") })
                let json = try await app.curl(app.secure("/status/json"))
                #expect(json.value("content-type") == "application/json" && json.text.contains("\"workers_serving\":2"))
                let metrics = try await app.curl(app.secure("/status/metrics"))
                #expect(metrics.text.contains("\nparanoid_verdicts_total{verdict=\"accepted\"} 0\n"))
            }
            try await TestApplication.with("life-program", workers: 1, settings: ["PARANOID_STATUS": "none"]) { app in
                let page = try await app.curl(app.secure("/status/page"))
                #expect(page.status == 503)
            }
        }

        @Test("is there for its owner only, in each form, and goes with the application", .timeLimit(.minutes(5)))
        func forms() async throws {
            try await TestApplication.with { app in
                #expect(try self.mode(of: app.folder["app.status.sock"]) == 0o600)
                #expect(try await self.get("/live", app) == "live\n")
                try await eventually("both workers serve") { try await self.get("/ready", app) == "ready: 2 of 2 workers serve\n" }
                #expect(try await self.get("/status", app, ["-H", "Accept: text/html"]).hasPrefix("<!DOCTYPE html>"))
                let jar = try app.jar()
                #expect(try await app.post("/login", jar: jar, form: ["user": "alice"]).status == 200)
                let metrics = try await self.get("/metrics", app, ["-H", "Accept: application/openmetrics-text"])
                #expect(metrics.contains(#"paranoid_session_events_total{event="login"} 1"#) && metrics.hasSuffix("# EOF\n"))
                #expect(metrics.contains(#"paranoid_verdicts_total{verdict="new"} 1"#))
                #expect(metrics.contains(#"paranoid_request_duration_seconds_count{method="POST",route="/login"} 1"#))
                #expect(try await self.get("/status", app, ["-X", "POST", "-w", "%{http_code}"]).hasSuffix("405"))
                let (ending, text) = try await self.tool(["status"], for: app)
                #expect(ending == .exited(0) && text.hasPrefix("running: 2 of 2 workers serve"), "\(text)")
                let titles = app.workers.map { TestFolder.text(at: "/proc/\($0)/comm") }
                #expect(titles.sorted() == ["worker 0\n", "worker 1\n"])
                #expect(TestFolder.text(at: "/proc/\(app.program.pid)/cmdline").hasPrefix("demo: supervisor"))
                #expect(await app.terminate() == .exited(0))
                #expect(!FileManager.default.fileExists(atPath: app.folder["app.status.sock"]))
                let (over, said) = try await self.tool(["status"], for: app)
                #expect(over == .exited(1) && said.contains(app.folder["app.status.sock"]), "\(said)")
            }
        }

        @Test(
            "has metrics that Prometheus's own tool finds nothing wrong with",
            .enabled(if: Requirements.path(of: "promtool") != nil, "promtool is needed"),
            .timeLimit(.minutes(5))
        )
        func prometheus() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                #expect(try await app.post("/login", jar: jar, form: ["user": "alice"]).status == 200)
                #expect(try await app.get("/error").status == 500)
                let metrics = try await self.get("/metrics", app)
                #expect(metrics.contains(#"paranoid_request_duration_seconds_count{method="POST",route="/login"} 1"#))
                try Data(metrics.utf8).write(to: URL(filePath: app.folder["metrics"]))
                let check = try SpawnedCommand(
                    ["bash", "-c", "promtool check metrics < \"$0\"", app.folder["metrics"]],
                    environment: Requirements.environment,
                    output: app.folder["promtool"],
                    errors: app.folder["promtool.err"]
                )
                #expect(await check.waitForEnd() == .exited(0), "\(app.folder.text(of: "promtool.err"))")
                #expect(app.folder.text(of: "promtool") + app.folder.text(of: "promtool.err") == "")
            }
        }

        @Test(
            "has OpenMetrics text that the reader of Prometheus's library for Python takes",
            .enabled(if: OpenMetricsReader.isThere, "python3-prometheus-client is needed"),
            .timeLimit(.minutes(5))
        )
        func openMetrics() async throws {
            try await TestApplication.with { app in
                #expect(try await app.get("/error").status == 500)
                let text = try await self.get("/metrics", app, ["-H", "Accept: application/openmetrics-text"])
                try Data(text.utf8).write(to: URL(filePath: app.folder["metrics"]))
                let read = try SpawnedCommand(
                    ["/usr/bin/python3", "-c", OpenMetricsReader.program, app.folder["metrics"]],
                    environment: Requirements.environment,
                    output: app.folder["families"],
                    errors: app.folder["python.err"]
                )
                #expect(await read.waitForEnd() == .exited(0), "\(app.folder.text(of: "python.err"))")
                let families = app.folder.text(of: "families").split(separator: "\n")
                #expect(families.count > 15 && families.contains("paranoid_request_duration_seconds histogram 1"), "\(families)")
            }
        }

        @Test("shows which request holds a worker, for how long, when every thread is busy", .timeLimit(.minutes(5)))
        func busy() async throws {
            let settings = ["PARANOID_HEARTBEAT_TIMEOUT": "none", "PARANOID_DRAIN_TIMEOUT": "1"]
            try await BareProgram.with(settings: settings) { program in
                let socket = program.folder["app.status.sock"]
                let requests = program.socket
                // Both threads of the worker, for longer than the test takes; its end kills the worker.
                for _ in 0..<2 { Thread.detachNewThread { _ = try? KeptConnection.get("/hold?ms=600000", from: requests) } }
                try await eventually("the status names the requests") {
                    let output = program.folder["curl.\(UUID().uuidString)"]
                    let curl = try SpawnedCommand(
                        ["curl", "-sS", "--unix-socket", socket, "http://localhost/workers.txt"],
                        environment: Requirements.environment,
                        output: output
                    )
                    _ = await curl.waitForEnd()
                    return TestFolder.text(at: output).split(separator: "\n").count { $0.contains("GET /hold") } == 2
                }
            }
        }

        @Test("leads a tool with another environment to the application", .timeLimit(.minutes(5)))
        func found() async throws {
            try await TestApplication.with { app in
                let output = app.folder["tool"]
                let tool = try SpawnedCommand(
                    ["\(Requirements.programs)/paranoid", "sessions", "list", "alice"],
                    environment: Requirements.environment,
                    output: output,
                    errors: output
                )
                #expect(await tool.waitForEnd() == .exited(1))
                let line =
                    "env PARANOID_SESSION_DIR=\(app.folder["sessions"]) PARANOID_SECRET_FILE=\(app.folder["secret"]) paranoid sessions list alice"
                #expect(TestFolder.text(at: output).contains(line), "\(TestFolder.text(at: output))")
            }
        }

        @Test("is used to reload and to stop", .timeLimit(.minutes(5)))
        func commands() async throws {
            try await TestApplication.with { app in
                try await eventually("both workers serve") { try await self.get("/ready", app) == "ready: 2 of 2 workers serve\n" }
                let before = Set(app.workers)
                #expect(try await self.tool(["reload"], for: app) == (.exited(0), "reloaded\n"))
                // Those of before may still finish what they have.
                try await eventually("all workers are new") { app.workers.count == 2 && before.isDisjoint(with: app.workers) }
                #expect(try await app.get("/hello").status == 200)
                #expect(try await self.tool(["stop"], for: app) == (.exited(0), "stopped\n"))
                #expect(await app.program.waitForEnd() == .exited(0))
            }
        }

        @Test("and the log name the requests of a worker that died", .timeLimit(.minutes(5)))
        func crash() async throws {
            try await TestApplication.with(settings: ["PARANOID_LOG_FORMAT": "json", "DEMO_ALLOW_CRASH": "1"]) { app in
                _ = try? await app.get("/crash")
                try await eventually("the log names the request") {
                    app.log.split(separator: "\n").contains {
                        $0.contains("a worker ended while it served a request") && $0.contains("\"request\":\"GET /crash")
                    }
                }
                try await eventually("the status says how the worker ended") {
                    try await self.get("/status.json", app).contains("\"last_exit\":{")
                }
            }
        }

        @Test("answers over TCP to those on the list only, also in a process that serves alone", .timeLimit(.minutes(5)))
        func overTCP() async throws {
            for (clients, isAnswered) in [("127.0.0.0/8", true), ("192.0.2.0/24", false)] {
                let port = try FreePorts.find(1)[0]
                let settings = ["PARANOID_STATUS": "127.0.0.1:\(port)", "PARANOID_STATUS_CLIENTS": clients, "PARANOID_WORKERS": "0"]
                try await BareProgram.with(settings: settings) { program in
                    let output = program.folder["curl"]
                    let curl = try SpawnedCommand(
                        ["curl", "-sS", "http://127.0.0.1:\(port)/ready"],
                        environment: Requirements.environment,
                        output: output
                    )
                    #expect(await curl.waitForEnd() == .exited(0) || !isAnswered)
                    #expect((TestFolder.text(at: output) == "ready: 1 of 1 workers serve\n") == isAnswered)
                }
            }
        }

        @Test("is not there when it is switched off, and has to open when it is named", .timeLimit(.minutes(5)))
        func off() async throws {
            try await BareProgram.with(settings: ["PARANOID_STATUS": "none"]) { program in
                #expect(!FileManager.default.fileExists(atPath: program.folder["app.status.sock"]))
            }
            let folder = try TestFolder()
            let program = try BareProgram(
                in: folder,
                settings: ["PARANOID_STATUS": "unix:\(folder["no/\(String(repeating: "x", count: 120))"])"]
            )
            #expect(await program.process.waitForEnd() == .exited(78))
            #expect(program.log.contains("PARANOID_STATUS"))
        }

        @Test("an access log and slow requests tell the phases of a request", .timeLimit(.minutes(5)))
        func logs() async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            let settings = ["PARANOID_ACCESS_LOG": folder["access.log"], "PARANOID_SLOW_REQUEST": "0.000000001"]
            try await TestApplication.with(settings: settings) { app in
                let jar = try app.jar()
                #expect(try await app.post("/login", jar: jar, form: ["user": "alice"]).status == 200)
                try await eventually("the line is written") { folder.text(of: "access.log").contains("\"route\":\"/login\"") }
                let line = try #require(folder.text(of: "access.log").split(separator: "\n").first { $0.contains("/login") })
                let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                #expect(object["method"] as? String == "POST" && object["status"] as? Int == 200 && object["verdict"] as? String == "new")
                #expect((object["session"] as? String)?.utf8.count == 16)
                #expect((object["commit_microseconds"] as? Int ?? 0) > 0 && (object["microseconds"] as? Int ?? 0) > 0)
                #expect(try self.mode(of: folder["access.log"]) == 0o600)
                try await eventually("the log says what was slow") { app.log.contains("a request was slow") }
                try FileManager.default.moveItem(atPath: folder["access.log"], toPath: folder["access.log.1"])
                app.program.signal(SIGUSR1)
                try await eventually("a new file is used") {
                    _ = try await app.get("/hello")
                    return folder.text(of: "access.log").contains("/hello")
                }
            }
        }
    }
}
