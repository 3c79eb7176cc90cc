import Foundation
import Testing

extension Integration {
    @Suite("The tool with a wrong environment")
    struct Tool {
        @Test(
            "fails, names the directory or file it looked at, and makes nothing",
            .timeLimit(.minutes(5)),
            arguments: [
                ["sessions", "list", "alice"], ["sessions", "revoke", "alice", String(repeating: "a", count: 16)],
                ["sessions", "revoke-all", "alice"], ["sessions", "revoke-everyone"], ["sessions", "reindex"], ["sessions", "sweep"],
                ["secret", "rotate"], ["secret", "list"], ["secret", "remove", "1"],
            ]
        )
        func changesNothing(_ words: [String]) async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            for isThere in [false, true] {
                if isThere { try FileManager.default.createDirectory(atPath: folder["state"], withIntermediateDirectories: false) }
                let output = "\(folder.path).\(isThere)"
                defer { try? FileManager.default.removeItem(atPath: output) }
                let settings = ["STATE_DIRECTORY": folder["state"]]
                let tool = try SpawnedCommand(
                    ["\(Requirements.programs)/paranoid"] + words,
                    environment: Requirements.environment.merging(settings) { $1 },
                    output: output,
                    errors: output
                )
                let ending = await tool.waitForEnd()
                let text = TestFolder.text(at: output)
                #expect(ending == .exited(1), "\(text)")
                #expect(text.contains(folder["state"]), "\(text)")
                let left = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String]
                #expect(left == (isThere ? ["state"] : []), "\(text)")
            }
        }

        @Test(
            "names the nearest command or setting for one that does not exist",
            .timeLimit(.minutes(5)),
            arguments: [
                (["sesions", "list", "alice"], 64, "there is no command 'paranoid sesions'; did you mean 'paranoid sessions'?"),
                (["halp"], 64, "there is no command 'paranoid halp'; did you mean 'paranoid help'?"),
                (["version"], 64, "there is no command 'paranoid version'; did you mean 'paranoid --version'?"),
                (["sessions", "lst", "alice"], 64, "there is no command 'paranoid sessions lst'; did you mean 'paranoid sessions list'?"),
                (["frobnicate"], 64, "the commands are status, workers, reload"),
                (["config", "explain", "PARANOID_WRKERS"], 1, "there is no setting PARANOID_WRKERS; did you mean PARANOID_WORKERS?"),
            ]
        )
        func nearest(_ words: [String], _ code: Int32, _ answer: String) async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            let tool = try SpawnedCommand(
                ["\(Requirements.programs)/paranoid"] + words,
                environment: Requirements.environment.merging(["STATE_DIRECTORY": folder["state"]]) { $1 },
                errors: folder["errors"]
            )
            #expect(await tool.waitForEnd() == .exited(code))
            #expect(folder.text(of: "errors").contains(answer), "\(folder.text(of: "errors"))")
        }

        @Test("says in text which setting cannot be used, whatever form the application's lines have", .timeLimit(.minutes(5)))
        func settings() async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            let settings = ["STATE_DIRECTORY": folder["state"], "PARANOID_LOG_FORMAT": "json", "PARANOID_THREADS": "many"]
            let tool = try SpawnedCommand(
                ["\(Requirements.programs)/paranoid", "sessions", "list", "alice"],
                environment: Requirements.environment.merging(settings) { $1 },
                errors: folder["errors"]
            )
            #expect(await tool.waitForEnd() == .exited(78))
            #expect(folder.text(of: "errors").hasPrefix("PARANOID_THREADS: "), "\(folder.text(of: "errors"))")
        }

        @Test("that cannot write its output fails and says so", .timeLimit(.minutes(5)))
        func fullOutput() async throws {
            let folder = try TestFolder()
            let tool = try SpawnedCommand(
                ["\(Requirements.programs)/paranoid", "config", "explain"],
                environment: Requirements.environment.merging(["STATE_DIRECTORY": folder["state"]]) { $1 },
                output: "/dev/full",
                errors: folder["errors"]
            )
            #expect(await tool.waitForEnd() == .exited(1))
            #expect(folder.text(of: "errors").contains("the output could not be written: write: No space left on device"))
        }

        @Test(
            "that is started without standard output does what it is told, and prints into nothing that it opens",
            .timeLimit(.minutes(5))
        )
        func closedOutput() async throws {
            try await BareProgram.with { program in
                let settings = [
                    "PARANOID_SESSION_DIR": program.folder["state/sessions"], "PARANOID_SECRET_FILE": program.folder["state/secret"],
                    "STATE_DIRECTORY": program.folder["state"],
                ]
                for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
                    for words in ["secret rotate", "sessions sweep", "sessions revoke-everyone --yes", "config explain"] {
                        let tool = try SpawnedCommand(
                            ["bash", "-c", "exec \"$0\" \(words) \(closed)", "\(Requirements.programs)/paranoid"],
                            environment: Requirements.environment.merging(settings) { $1 }
                        )
                        #expect(await tool.waitForEnd() == .exited(0), "\(words) \(closed)")
                    }
                }
                let secrets = program.folder.text(of: "state/secret").split(separator: "\n")
                #expect(secrets.count == 5 && secrets.allSatisfy { $0.split(separator: " ").count == 2 })
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
            }
        }
    }
}
