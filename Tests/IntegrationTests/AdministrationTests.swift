import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Sessions and secrets, looked after from outside")
    struct Administration {
        private struct Listed: Decodable {
            var handle: String
            var kind: String
        }

        private struct Device: Decodable {
            var handle: String
            var device: String?
            var isThisOne: Bool
        }

        /// Runs `paranoid` with the settings of an application and returns what it printed; with an answer, at a terminal where a person gives it.
        private func tool(
            _ words: [String],
            for app: TestApplication,
            answer: String? = nil,
            ending expected: SpawnedCommand.Ending = .exited(0)
        ) async throws -> String {
            let output = app.folder["tool.\(UUID().uuidString)"]
            let settings = [
                "PARANOID_LISTEN": "unix:\(app.folder["app.sock"])", "PARANOID_SESSION_DIR": app.folder["sessions"],
                "PARANOID_SECRET_FILE": app.folder["secret"], "PARANOID_EVENT_FILE": app.folder["events"],
            ]
            let environment = Requirements.environment.merging(settings) { $1 }
            let command = ["\(Requirements.programs)/paranoid"] + words
            let line = "'\(command.joined(separator: " "))'"
            let terminal = "echo '\(answer ?? "")' | script --quiet --return --flush --command \(line) /dev/null"
            let tool = try SpawnedCommand(
                answer == nil ? command : ["bash", "-c", terminal],
                environment: environment,
                output: output,
                errors: output
            )
            let ending = await tool.waitForEnd()
            let text = TestFolder.text(at: output)
            #expect(ending == expected, "\(words): \(text)")
            return text
        }

        private func number(of jar: CurlJar) -> UInt8? {
            let text = (jar.cookies[session: "__Host-sessionid"] ?? "").replacing("-", with: "+").replacing("_", with: "/")
            return Data(base64Encoded: text)?.first
        }

        @Test("a new secret, used after a reload, logs nobody out", .timeLimit(.minutes(5)))
        func secret() async throws {
            try await TestApplication.with(settings: ["PSESSION_NONCE_TIMEOUT": "none"]) { app in
                let jar = try app.jar()
                #expect(try await app.post("/login", jar: jar, form: ["user": "alice"]).status == 200)
                #expect(try await self.tool(["secret", "rotate"], for: app).hasPrefix("added secret 2"))
                #expect(try await self.tool(["secret", "list"], for: app) == "2\n1\n")
                let before = Set(app.workers)
                app.program.signal(SIGHUP)
                try await eventually("all workers are new") { app.workers.count == 2 && before.isDisjoint(with: app.workers) }
                #expect(try await app.get("/session", jar: jar).report().user == "alice")
                let other = try app.jar()
                #expect(try await app.post("/login", jar: other, form: ["user": "alice"]).status == 200)
                #expect(try await app.get("/devices", jar: jar).json([Device].self).count == 2)
                // An identifier begins with the number of its secret (base64url).
                #expect(self.number(of: jar) == 1)
                #expect(self.number(of: other) == 2)
            }
        }

        @Test("a user's sessions are listed and ended by themselves and from outside, and everybody's at once", .timeLimit(.minutes(5)))
        func sessions() async throws {
            try await TestApplication.with(workers: 3) { app in
                var jars: [CurlJar] = []
                for _ in 0..<4 {
                    let jar = try app.jar()
                    #expect(try await app.post("/login", jar: jar, form: ["user": "alice"]).status == 200)
                    jars.append(jar)
                }
                let devices = try await app.get("/devices", jar: jars[0]).json([Device].self)
                #expect(devices.map(\.isThisOne) == [true, false, false, false])
                #expect(devices.allSatisfy { $0.device?.hasPrefix("curl/") == true })
                let lines = try await self.tool(["sessions", "list", "alice"], for: app).split(separator: "\n")
                #expect(lines.count == 5 && lines[0].hasPrefix("HANDLE") && lines[2].hasPrefix(devices[1].handle))
                // 2026-01-01T00:00:00Z
                #expect(lines[1].split(separator: " ")[1].wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
                let json = try await self.tool(["sessions", "list", "alice", "--json"], for: app)
                let listed = try JSONDecoder().decode([Listed].self, from: Data(json.utf8))
                #expect(listed.map(\.handle) == devices.map(\.handle) && listed.allSatisfy { $0.kind == "session" })

                #expect(try await app.post("/devices/revoke", jar: jars[0], form: ["handle": devices[1].handle]).text == #"{"ended":1}"#)
                #expect(try await app.get("/session/peek", jar: jars[1]).report().user == nil)
                #expect(try await self.tool(["sessions", "revoke", "alice", devices[2].handle], for: app) == "1 session has ended\n")
                #expect(try await app.get("/session/peek", jar: jars[2]).report().user == nil)
                #expect(try await app.post("/devices/revoke-others", jar: jars[0]).text == #"{"ended":1}"#)
                #expect(try await app.get("/session/peek", jar: jars[3]).report().user == nil)
                #expect(try await app.get("/session/peek", jar: jars[0]).report().user == "alice")

                #expect(try await self.tool(["sessions", "reindex"], for: app) == "0 sessions were missing\n")
                #expect(try await self.tool(["sessions", "revoke-everyone", "--yes"], for: app) == "all sessions have ended\n")
                #expect(try await app.get("/session/peek", jar: jars[0]).report().user == nil)
                let again = try app.jar()
                #expect(try await app.post("/login", jar: again, form: ["user": "alice"]).report().user == "alice")
                #expect(try await self.tool(["sessions", "revoke-all", "alice"], for: app) == "1 session has ended\n")
            }
        }

        @Test(
            "an unknown user or handle is an error that names the nearest right one; what ends many sessions asks",
            .timeLimit(.minutes(5))
        )
        func mistakes() async throws {
            try await TestApplication.with { app in
                for _ in 0..<2 { #expect(try await app.post("/login", jar: app.jar(), form: ["user": "alice"]).status == 200) }
                let json = try await self.tool(["sessions", "list", "alice", "--json"], for: app)
                let handle = try #require(try JSONDecoder().decode([Listed].self, from: Data(json.utf8)).first).handle
                let mistyped = "\(handle.dropLast())\(handle.hasSuffix("0") ? "1" : "0")"
                for (words, answer) in [
                    (["sessions", "list", "alise"], "user 'alise' has no session in \(app.folder["sessions"]); did you mean 'alice'?"),
                    (["sessions", "why", "alise"], "goes back; did you mean 'alice'?"),
                    (["events", "alise"], "nothing is kept of 'alise'; did you mean 'alice'?"),
                    (["sessions", "revoke-all", "Alice"], "did you mean 'alice'?"), (["sessions", "list", "mallory"], "no session in"),
                    (["sessions", "revoke", "alice", mistyped], "user 'alice' has no session \(mistyped); did you mean \(handle)?"),
                    (["sessions", "revoke", "alice", "\(handle)0"], "is not a handle; did you mean \(handle)?"),
                ] {
                    let text = try await self.tool(words, for: app, ending: .exited(1))
                    #expect(text.contains(answer), "\(words): \(text)")
                }
                for (words, question) in [
                    ("sessions revoke-all alice", "2 sessions of 'alice' will end. Continue?"),
                    ("sessions revoke-everyone", "in \(app.folder["sessions"]) will end. Continue?"),
                    ("secret remove 1", "that were begun under secret 1 will end. Continue?"),
                ] {
                    let text = try await self.tool(words.split(separator: " ").map(String.init), for: app, answer: "n", ending: .exited(1))
                    #expect(text.contains(question) && text.contains("nothing was done"), "\(words): \(text)")
                }
                // Nobody can be asked without a terminal.
                #expect(try await self.tool(["sessions", "revoke-all", "alice"], for: app) == "2 sessions have ended\n")
            }
        }
    }
}
