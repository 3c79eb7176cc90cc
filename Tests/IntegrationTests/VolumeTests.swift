import Foundation
import TestSupport
import Testing

extension Integration {
    /// Mounts, so it needs root.
    @Suite("A volume of a container", .enabled(if: geteuid() == 0))
    struct Volumes {
        private static func run(_ words: String...) async throws -> Bool {
            await (try SpawnedCommand(words, environment: Requirements.environment)).waitForEnd() == .exited(0)
        }

        /// Lends a directory with something mounted on it.
        private func withMount(_ folder: TestFolder, _ name: String, _ words: [String], _ body: (String) async throws -> Void) async throws
        {
            let path = folder[name]
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let mount = try SpawnedCommand(["mount"] + words + [path], environment: Requirements.environment)
            guard await mount.waitForEnd() == .exited(0) else { try Test.cancel("root may not mount here") }
            do { try await body(path) } catch {
                _ = try await Self.run("umount", "-l", path)
                throw error
            }
            #expect(try await Self.run("umount", "-l", path))
        }

        /// Starts a program in a state directory of its own, and returns whether it served, with its log.
        private func serves(_ folder: TestFolder, _ settings: [String: String]) async throws -> (Bool, String) {
            let settings = ["PARANOID_LISTEN": "unix:\(folder["run/app.sock"])"].merging(settings) { $1 }
            // What a start before has written says nothing of this one.
            try? FileManager.default.removeItem(atPath: folder["app.log"])
            let program = try BareProgram(in: folder, settings: settings)
            var isServing = false
            try await eventually("it serves or ends") {
                isServing = program.log.contains("worker ready")
                return isServing || program.process.ending != nil
            }
            await program.end()
            return (isServing, program.log)
        }

        @Test("with a secret that root may read and not change is read by root, unless its group may write", .timeLimit(.minutes(5)))
        func readOnlySecret() async throws {
            let folder = try TestFolder(isOpen: true)
            #expect(try await self.serves(folder, [:]).0)
            try await self.withMount(folder, "volume", ["-t", "tmpfs", "tmpfs"]) { volume in
                try FileManager.default.copyItem(atPath: folder["state/secret"], toPath: "\(volume)/secret")
                for (owner, mode, isRead) in [("0:0", "0440", true), ("0:10001", "0440", true), ("0:10001", "0660", false)] {
                    _ = try await Self.run("mount", "-o", "remount,rw", volume)
                    _ = try await Self.run("chown", owner, "\(volume)/secret")
                    _ = try await Self.run("chmod", mode, "\(volume)/secret")
                    _ = try await Self.run("mount", "-o", "remount,ro", volume)
                    let (isServing, log) = try await self.serves(folder, ["PARANOID_SECRET_FILE": "\(volume)/secret"])
                    #expect(isServing == isRead, "\(owner) \(mode): \(log)")
                    if !isRead { #expect(log.contains("mount the volume with mode 440 or 400"), "\(log)") }
                }
            }
        }

        @Test(
            "of mode 0777 may hold the state directory, whoever serves, and also when it is a part of another file system",
            .timeLimit(.minutes(5)),
            arguments: [["PARANOID_USER": "65534", "PARANOID_GROUP": "4321"], [:]]
        )
        func emptyDirectory(settings: [String: String]) async throws {
            let folder = try TestFolder(isOpen: true)
            try FileManager.default.createDirectory(atPath: folder["part"], withIntermediateDirectories: false)
            _ = try await Self.run("chmod", "0777", folder["part"])
            for (name, words) in [("whole", ["-t", "tmpfs", "-o", "mode=0777", "tmpfs"]), ("bound", ["--bind", folder["part"]])] {
                try await self.withMount(folder, name, words) { volume in
                    let places = ["PARANOID_SESSION_DIR": "\(volume)/state/sessions", "PARANOID_SECRET_FILE": "\(volume)/state/secret"]
                    let (isServing, log) = try await self.serves(folder, settings.merging(places) { $1 })
                    #expect(isServing, "\(name): \(log)")
                }
            }
            // What is no volume is refused, with the remedy.
            let places = ["PARANOID_SESSION_DIR": folder["part/other/sessions"], "PARANOID_SECRET_FILE": folder["part/other/secret"]]
            let (isServing, log) = try await self.serves(folder, settings.merging(places) { $1 })
            #expect(!isServing && log.contains("chmod +t"), "\(log)")
        }

        @Test("is given to a group, and its files are closed again at the next start", .timeLimit(.minutes(5)))
        func group() async throws {
            let folder = try TestFolder(isOpen: true)
            #expect(try await self.serves(folder, [:]).0)
            let state = folder["state"]
            _ = try await Self.run("chgrp", "-R", "10001", state)
            _ = try await Self.run("find", state, "-type", "d", "-exec", "chmod", "2770", "{}", "+")
            _ = try await Self.run("find", state, "-type", "f", "-exec", "chmod", "0660", "{}", "+")
            #expect(try await self.serves(folder, [:]).0)
            for path in ["secret", "sessions/control", "sessions/clock"] {
                let mode = try FileManager.default.attributesOfItem(atPath: "\(state)/\(path)")[.posixPermissions] as? Int
                #expect(mode == 0o600, "\(path)")
            }
        }

        @Test("has no part in orphans, which a process that serves alone as PID 1 collects", .timeLimit(.minutes(5)))
        func orphans() async throws {
            let shell = "exec unshare --mount --pid --fork --kill-child --mount-proc \"$0\""
            try await BareProgram.with(workers: 0, shell: shell) { program in
                let first = try #require(program.workers.first)
                let folder = program.folder
                for number in 1...3 {
                    let script = "(sh -c 'echo $$ > \(folder["orphan"])\(number); exec sleep 0.1' &)"
                    let entered = try SpawnedCommand(
                        ["nsenter", "-t", "\(first)", "-p", "-m", "sh", "-c", script],
                        environment: Requirements.environment
                    )
                    guard await entered.waitForEnd() == .exited(0) else { try Test.cancel("root may not enter namespaces here") }
                    try await eventually("orphan \(number) has begun") { !folder.text(of: "orphan\(number)").isEmpty }
                }
                try await eventually("nobody is left") { TestApplication.children(of: first).isEmpty }
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
                kill(first, SIGTERM)
                _ = await program.process.waitForEnd()
            }
        }
    }
}
