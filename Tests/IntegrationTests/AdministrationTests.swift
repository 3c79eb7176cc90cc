import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Sessions and secrets, looked after from outside")
    struct Administration {
        private struct Device: Decodable {
            var handle: String
            var device: String?
            var isThisOne: Bool
        }

        /// Runs `paranoid` with the settings of an application and returns what it printed.
        private func tool(_ words: [String], for app: TestApplication) async throws -> String {
            let output = app.folder["tool.\(UUID().uuidString)"]
            let settings = [
                "PARANOID_LISTEN": "unix:\(app.folder["app.sock"])", "PARANOID_SESSION_DIR": app.folder["sessions"],
                "PARANOID_SECRET_FILE": app.folder["secret"],
            ]
            let environment = Requirements.environment.merging(settings) { $1 }
            let tool = try SpawnedCommand(
                ["\(Requirements.programs)/paranoid"] + words,
                environment: environment,
                output: output,
                errors: output
            )
            let ending = await tool.waitForEnd()
            let text = TestFolder.text(at: output)
            #expect(ending == .exited(0), "\(words): \(text)")
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
                #expect(lines.count == 4 && lines[1].hasPrefix(devices[1].handle))

                #expect(try await app.post("/devices/revoke", jar: jars[0], form: ["handle": devices[1].handle]).text == #"{"ended":1}"#)
                #expect(try await app.get("/session/peek", jar: jars[1]).report().user == nil)
                #expect(try await self.tool(["sessions", "revoke", "alice", devices[2].handle], for: app) == "1 session has ended\n")
                #expect(try await app.get("/session/peek", jar: jars[2]).report().user == nil)
                #expect(try await app.post("/devices/revoke-others", jar: jars[0]).text == #"{"ended":1}"#)
                #expect(try await app.get("/session/peek", jar: jars[3]).report().user == nil)
                #expect(try await app.get("/session/peek", jar: jars[0]).report().user == "alice")

                #expect(try await self.tool(["sessions", "reindex"], for: app) == "0 sessions were missing\n")
                #expect(try await self.tool(["sessions", "revoke-everyone"], for: app) == "all sessions have ended\n")
                #expect(try await app.get("/session/peek", jar: jars[0]).report().user == nil)
                let again = try app.jar()
                #expect(try await app.post("/login", jar: again, form: ["user": "alice"]).report().user == "alice")
                #expect(try await self.tool(["sessions", "revoke-all", "alice"], for: app) == "1 sessions have ended\n")
            }
        }
    }
}
