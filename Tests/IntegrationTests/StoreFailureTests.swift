import Foundation
import Testing

extension Integration {
    @Suite("A session directory without room")
    struct StoreFailure {
        @Test("is a 503 without a cookie, and all is as before when there is room again", .timeLimit(.minutes(5)))
        func noRoom() async throws {
            let folder = try TestFolder()
            let directory = folder["sessions"]
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700]
            )
            // Root may write whatever the mode says, but not to a full file system.
            var isMounted = false
            if getuid() == 0 {
                isMounted = try await self.run("mount", "-t", "tmpfs", "-o", "mode=700,size=1m", "tmpfs", directory)
                if !isMounted { try Test.cancel("root may not mount here") }
            }
            do {
                try await self.check(directory: directory, isMounted: isMounted)
            } catch {
                if isMounted { _ = try await self.run("umount", "-l", directory) }
                throw error
            }
            if isMounted { #expect(try await self.run("umount", "-l", directory)) }
        }

        @Test(
            "at the start is a message that names the directory and an exit code, with workers or without",
            .timeLimit(.minutes(5)),
            .enabled(if: geteuid() == 0),
            arguments: [0, 2]
        )
        func noRoomAtStart(workers: Int) async throws {
            let folder = try TestFolder()
            let disk = folder["disk"]
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
            guard try await self.run("mount", "-t", "tmpfs", "-o", "mode=700,size=64k", "tmpfs", disk) else {
                try Test.cancel("root may not mount here")
            }
            do {
                _ = try await self.run("dd", "if=/dev/zero", "of=\(disk)/filler", "bs=4k", "count=100")
                let settings = ["PARANOID_SESSION_DIR": "\(disk)/sessions"]
                let program = try BareProgram(in: folder, workers: workers, settings: settings)
                #expect(await program.process.waitForEnd() == .exited(75))
                #expect(program.log.contains("PARANOID_SESSION_DIR: \(disk)/sessions cannot be used: full"), "\(program.log)")
                #expect(program.log.contains("no space is left"), "\(program.log)")
            } catch {
                _ = try await self.run("umount", "-l", disk)
                throw error
            }
            #expect(try await self.run("umount", "-l", disk))
        }

        private func check(directory: String, isMounted: Bool) async throws {
            try await TestApplication.with(settings: ["PARANOID_SESSION_DIR": directory, "PSESSION_NONCE_TIMEOUT": "none"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let field = jar.field

                try await self.setRoom(false, in: directory, isMounted: isMounted)
                for _ in 0..<3 {
                    let beginning = try await app.get("/session")
                    #expect(beginning.status == 503)
                    #expect(beginning.values("set-cookie").isEmpty)
                }
                // A record that exists is read as before; a new state of it is stored or refused, never half of it.
                #expect(try await app.get("/session/peek", "-H", "Cookie: \(field)").report().hits == 1)
                let counting = try await app.get("/session", "-H", "Cookie: \(field)")
                #expect([200, 503].contains(counting.status))
                let hits = counting.status == 200 ? 2 : 1
                #expect(try await app.get("/session/peek", "-H", "Cookie: \(field)").report().hits == hits)
                #expect(try await app.get("/hello").status == 200)

                try await self.setRoom(true, in: directory, isMounted: isMounted)
                let report = try await app.get("/session", "-H", "Cookie: \(field)").report()
                #expect(report.verdict == "accepted" && report.hits == hits + 1)
                #expect(try await app.get("/session").report().verdict == "new")
            }
        }

        private func setRoom(_ hasRoom: Bool, in directory: String, isMounted: Bool) async throws {
            if !isMounted {
                #expect(try await self.run("chmod", "-R", hasRoom ? "u+w" : "u-w", directory))
            } else if hasRoom {
                #expect(try await self.run("rm", "\(directory)/.filler"))
            } else {
                // Ends with "no space left", which is what is wanted.
                _ = try await self.run("dd", "if=/dev/zero", "of=\(directory)/.filler", "bs=4k", "count=1k")
            }
        }

        private func run(_ words: String...) async throws -> Bool {
            try await SpawnedCommand(words, environment: Requirements.environment).waitForEnd() == .exited(0)
        }
    }
}
