import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Where the listener comes from")
    struct Listeners {
        /// Another user than root, who need not have a name.
        private static let stranger = "65534"

        @Test("a unix socket has the mode, owner and group asked for", .timeLimit(.minutes(5)), .enabled(if: geteuid() == 0))
        func permissions() async throws {
            let settings = ["PARANOID_LISTEN_MODE": "0620", "PARANOID_LISTEN_OWNER": Self.stranger, "PARANOID_LISTEN_GROUP": "4321"]
            try await BareProgram.with(settings: settings) { program in
                let facts = try FileManager.default.attributesOfItem(atPath: program.socket)
                #expect(facts[.posixPermissions] as? Int == 0o620)
                #expect(facts[.ownerAccountID] as? Int == 65_534 && facts[.groupOwnerAccountID] as? Int == 4321)
            }
        }

        @Test(
            "a directory that keeps out users who may connect is named in the log, one that lets them in is not",
            .timeLimit(.minutes(5)),
            arguments: [(0o700, true), (0o711, false)]
        )
        func closedDirectory(mode: Int, isNamed: Bool) async throws {
            let folder = try TestFolder(isOpen: true)
            try FileManager.default.createDirectory(atPath: folder["run"], withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder["run"])
            let settings = ["PARANOID_LISTEN": "unix:\(folder["run/app.sock"])", "PARANOID_LISTEN_MODE": "0666"]
            let program = try BareProgram(in: folder, settings: settings)
            try await eventually("the program serves") { program.log.contains("supervising") }
            #expect(program.log.contains("a directory keeps out users who may connect to the socket") == isNamed)
            #expect(program.log.contains("directory=\(folder["run"])") == isNamed, "\(program.log)")
            await program.end()
        }

        @Test(
            "a program that is started with closed descriptors 0 to 2 has nothing of its own there, and log lines reach no session file",
            .timeLimit(.minutes(5)),
            arguments: [[1, 2], [2], [0, 1, 2]]
        )
        func closedDescriptors(closed: [Int]) async throws {
            let shell = "exec \"$0\" " + closed.map { "\($0)>&-" }.joined(separator: " ")
            try await BareProgram.with(workers: 2, shell: shell) { program in
                let control = URL(filePath: program.folder["state/sessions/control"])
                try await eventually("both workers are there") { program.workers.count == 2 }
                let before = try Data(contentsOf: control)
                let workers = program.workers
                for process in [program.process.pid] + workers {
                    for number in closed {
                        // A worker begins with the listener on descriptor 0.
                        try await eventually("nothing is on descriptor \(number) of process \(process)", within: .seconds(60)) {
                            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(number)") == "/dev/null"
                        }
                    }
                }
                // The supervisor writes a line about it.
                kill(workers[0], SIGKILL)
                try await eventually("a successor is there") { program.workers.count == 2 && !program.workers.contains(workers[0]) }
                #expect(try Data(contentsOf: control) == before)
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
            }
        }

        @Test(
            "a user that is not on the list is closed and counted, one that is is heard",
            .timeLimit(.minutes(5)),
            .enabled(if: geteuid() == 0),
            arguments: [("root", 1, 0), ("0,@65534", 0, 1), ("root,65534", 0, 1)]
        )
        func peers(list: String, refused: Int, heard: Int) async throws {
            let settings = ["PARANOID_LISTEN_PEERS": list, "PARANOID_LISTEN_MODE": "0666"]
            try await BareProgram.with(in: TestFolder(isOpen: true), settings: settings) { program in
                // It says what is no request, so being heard is visible as well.
                let stranger = try SpawnedCommand(
                    [
                        "setpriv", "--reuid=\(Self.stranger)", "--regid=\(Self.stranger)", "--clear-groups", "curl", "-q", "-s",
                        "--max-time", "60",
                        "--unix-socket", program.socket, "http://localhost/",
                    ],
                    environment: Requirements.environment
                )
                #expect(await stranger.waitForEnd() != .exited(0))
                let statistics = try program.statistics()
                #expect(statistics["refusedPeers"] == refused && statistics["brokenRequests"] == heard, "\(statistics)")
                #expect(program.log.contains("A peer that is not on the list was refused.") == (refused > 0))
            }
        }

        @Test("a host that is not on the list is closed and counted", .timeLimit(.minutes(5)))
        func clients() async throws {
            let port = try FreePorts.find(1)[0]
            let folder = try TestFolder()
            let settings = ["PARANOID_LISTEN": "127.0.0.1:\(port)", "PARANOID_LISTEN_CLIENTS": "10.0.0.0/8,192.0.2.1"]
            let program = try BareProgram(in: folder, settings: settings)
            try await eventually("the host is refused") {
                guard let connection = try? StreamClient(port: port) else { return false }
                let bytes = try connection.receiveAll()
                #expect(bytes.isEmpty)
                return program.log.contains("A peer that is not on the list was refused.")
            }
            await program.end()
        }

        @Test("a socket of the service manager is found by its name", .timeLimit(.minutes(5)), arguments: [0, 2])
        func activation(workers: Int) async throws {
            let folder = try TestFolder()
            let other = try LocalSocket(folder["other.sock"], datagrams: false)
            let socket = try LocalSocket(folder["app.sock"], datagrams: false)
            try await BareProgram.with(
                in: folder,
                workers: workers,
                settings: ["PARANOID_LISTEN": "systemd:app", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:app"],
                shell: "export LISTEN_PID=$$; exec \"$0\"",
                passing: [other.number, socket.number]
            ) { program in
                for worker in program.workers {
                    let environment = TestFolder.text(at: "/proc/\(worker)/environ")
                    #expect(environment.contains("PARANOID_ROLE") && !environment.contains("LISTEN_"))
                }
                await program.end()
                // It is the manager's, and whoever connects waits for the next start.
                #expect(FileManager.default.fileExists(atPath: folder["app.sock"]))
                _ = try KeptConnection(path: folder["app.sock"])
            }
        }

        @Test("without such a socket the start fails and says which there are", .timeLimit(.minutes(5)))
        func missing() async throws {
            let folder = try TestFolder()
            let socket = try LocalSocket(folder["web.sock"], datagrams: false)
            let program = try BareProgram(
                in: folder,
                settings: ["PARANOID_LISTEN": "systemd:app", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"],
                shell: "export LISTEN_PID=$$; exec \"$0\"",
                passing: [socket.number]
            )
            #expect(await program.process.waitForEnd() == .exited(78))
            #expect(program.log.contains("PARANOID_LISTEN") && program.log.contains("passed are: web"), "\(program.log)")
        }

        @Test("the service manager hears of readiness, reload, stop and life", .timeLimit(.minutes(5)), arguments: [false, true])
        func notification(isAbstract: Bool) async throws {
            let folder = try TestFolder()
            let path = isAbstract ? "@paranoid-test-\(UInt64.random(in: .min ... .max))" : folder["notify"]
            let manager = try LocalSocket(path, datagrams: true)
            let settings = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"]
            try await BareProgram.with(in: folder, workers: 2, settings: settings) { program in
                var heard: [String] = []
                func wait(for line: String) async throws {
                    try await eventually("\(line) is heard") {
                        heard += manager.receivedLines()
                        return heard.contains(line)
                    }
                }
                try await wait(for: "STATUS=2 of 2 workers serve")
                #expect(heard.contains("READY=1"))
                try await wait(for: "WATCHDOG=1")
                for worker in program.workers { #expect(!TestFolder.text(at: "/proc/\(worker)/environ").contains("NOTIFY_SOCKET")) }
                heard = []
                program.process.signal(SIGHUP)
                try await wait(for: "READY=1")
                let reloading = try #require(heard.firstIndex(of: "RELOADING=1"))
                #expect(heard[reloading + 1].hasPrefix("MONOTONIC_USEC="))
                await program.end()
                try await wait(for: "STOPPING=1")
            }
        }

        @Test(
            "the service manager, the status and the tool hear of a reload that needs a restart, and of one that is refused",
            .timeLimit(.minutes(5))
        )
        func lastReload() async throws {
            let folder = try TestFolder()
            let manager = try LocalSocket(folder["notify"], datagrams: true)
            func write(_ text: String, mode: Int = 0o600) throws {
                try Data(text.utf8).write(to: URL(filePath: folder["env"]))
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder["env"])
            }
            try write("PARANOID_THREADS=2\n")
            let settings = ["NOTIFY_SOCKET": folder["notify"], "PARANOID_ENV_FILE": folder["env"]]
            try await BareProgram.with(in: folder, settings: settings) { program in
                var heard: [String] = []
                func wait(for status: String) async throws {
                    try await eventually("STATUS=\(status) is heard: \(heard)") {
                        heard += manager.receivedLines()
                        return heard.contains("STATUS=\(status)")
                    }
                    heard = []
                }
                func tool(_ words: String...) async throws -> (SpawnedCommand.Ending, String) {
                    let output = folder.fresh("out")
                    let tool = try SpawnedCommand(
                        ["\(Requirements.programs)/paranoid"] + words + ["--socket", folder["app.status.sock"]],
                        environment: Requirements.environment,
                        output: output,
                        errors: output
                    )
                    return (await tool.waitForEnd(), TestFolder.text(at: output))
                }
                try await wait(for: "1 of 1 workers serve")
                try write("PARANOID_THREADS=2\nPARANOID_LISTEN=unix:\(folder["other.sock"])\nPARANOID_SWEEP_RATE=100\n")
                let note = "restart for PARANOID_LISTEN, PARANOID_SWEEP_RATE"
                #expect(try await tool("reload") == (.exited(0), "reloaded; \(note)\n"))
                try await wait(for: "1 of 1 workers serve; \(note)")
                #expect(program.log.contains("settings=PARANOID_LISTEN, PARANOID_SWEEP_RATE"), "\(program.log)")
                #expect(try await tool("status").1.contains("\n\(note)\n"))
                #expect(try await tool("status", "--json").1.contains("\"last_reload\":\"\(note)\""))
                try write("PARANOID_THREADS=two\n")
                program.process.signal(SIGHUP)
                try await wait(for: "1 of 1 workers serve; the last reload was refused: PARANOID_THREADS cannot be used")
                try write("PARANOID_THREADS=2\n", mode: 0o666)
                program.process.signal(SIGHUP)
                try await wait(for: "1 of 1 workers serve; the last reload was refused: PARANOID_ENV_FILE cannot be used")
                try write("PARANOID_THREADS=2\n")
                program.process.signal(SIGHUP)
                try await wait(for: "1 of 1 workers serve")
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
            }
        }

        @Test("a process that serves alone says that it does not reload, and goes on", .timeLimit(.minutes(5)))
        func aloneReload() async throws {
            let folder = try TestFolder()
            let manager = try LocalSocket(folder["notify"], datagrams: true)
            try await BareProgram.with(in: folder, workers: 0, settings: ["NOTIFY_SOCKET": folder["notify"]]) { program in
                program.process.signal(SIGHUP)
                var heard: [String] = []
                try await eventually("it is said") {
                    heard += manager.receivedLines()
                    return heard.contains("STATUS=1 process serves; it does not reload, restart it")
                }
                #expect(heard.contains("RELOADING=1"))
                #expect(program.log.contains("a process that serves alone does not reload; restart it"))
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
            }
        }

        @Test("a process that serves alone says so too", .timeLimit(.minutes(5)))
        func alone() async throws {
            let folder = try TestFolder()
            let manager = try LocalSocket(folder["notify"], datagrams: true)
            let settings = ["NOTIFY_SOCKET": folder["notify"], "WATCHDOG_USEC": "200000"]
            try await BareProgram.with(in: folder, workers: 0, settings: settings) { program in
                var heard: [String] = []
                try await eventually("it is ready and alive") {
                    heard += manager.receivedLines()
                    return heard.contains("READY=1") && heard.contains("WATCHDOG=1")
                }
                await program.end()
                try await eventually("it stops") { manager.receivedLines().contains("STOPPING=1") }
            }
        }

        @Test(
            "root becomes another user before it serves, for good",
            .timeLimit(.minutes(5)),
            .enabled(if: geteuid() == 0),
            arguments: [0, 2]
        )
        func user(workers: Int) async throws {
            let folder = try TestFolder(isOpen: true)
            let settings = [
                "PARANOID_USER": Self.stranger, "PARANOID_GROUP": "4321", "PARANOID_LISTEN": "unix:\(folder["run/app.sock"])",
                "PARANOID_LOG_FILE": folder["log"],
            ]
            let program = try BareProgram(in: folder, workers: workers, settings: settings)
            try await eventually("it answers") {
                if let ending = program.process.ending { throw TestFailure("ended: \(ending) \(program.log) \(folder.text(of: "log"))") }
                return (try? KeptConnection.get("/hello", from: folder["run/app.sock"])) == "hello\n"
            }
            for process in [program.process.pid] + program.workers {
                #expect(BareProgram.status("Uid", of: process) == ["65534", "65534", "65534", "65534"])
                #expect(BareProgram.status("Gid", of: process) == ["4321", "4321", "4321", "4321"])
                #expect(!BareProgram.status("Groups", of: process).contains("0"))
                #expect(BareProgram.status("CapEff", of: process) == ["0000000000000000"])
                #expect(BareProgram.status("NoNewPrivs", of: process) == ["1"])
            }
            for path in ["run", "run/app.sock", "state", "state/sessions", "state/secret", "log"] {
                #expect(try FileManager.default.attributesOfItem(atPath: folder[path])[.ownerAccountID] as? Int == 65_534, "\(path)")
            }
            await program.end()
            #expect(!FileManager.default.fileExists(atPath: folder["run/app.sock"]))
        }

        @Test(
            "root follows no link below a directory of the application, and names it",
            .timeLimit(.minutes(5)),
            .enabled(if: geteuid() == 0),
            arguments: [
                ("PARANOID_SESSION_DIR", "sessions"), ("PARANOID_SECRET_FILE", "new/secret"), ("PARANOID_LISTEN", "new/app.sock"),
                ("PARANOID_STATUS", "new/status.sock"), ("PARANOID_LOG_FILE", "log"),
            ]
        )
        func plantedLink(setting: String, name: String) async throws {
            let folder = try TestFolder(isOpen: true)
            for directory in ["app", "root"] {
                try FileManager.default.createDirectory(atPath: folder[directory], withIntermediateDirectories: false)
            }
            try FileManager.default.createSymbolicLink(atPath: folder["app/link"], withDestinationPath: folder["root"])
            try FileManager.default.setAttributes([.ownerAccountID: 65_534, .groupOwnerAccountID: 4321], ofItemAtPath: folder["app"])
            let prefix = ["PARANOID_LISTEN", "PARANOID_STATUS"].contains(setting) ? "unix:" : ""
            let program = try BareProgram(
                in: folder,
                settings: ["PARANOID_USER": Self.stranger, "PARANOID_GROUP": "4321", setting: "\(prefix)\(folder["app/link"])/\(name)"]
            )
            #expect(await program.process.waitForEnd() == .exited(78))
            #expect(
                program.log.contains("\(setting): ") && program.log.contains("\(folder["app/link"]) is a symbolic link"),
                "\(program.log)"
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder["root"]) == [])
        }

        @Test(
            "everything may lie below a directory of the application, where root works with the rights of the user",
            .timeLimit(.minutes(5)),
            .enabled(if: geteuid() == 0)
        )
        func ownDirectory() async throws {
            let folder = try TestFolder(isOpen: true)
            try FileManager.default.createDirectory(atPath: folder["app"], withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.ownerAccountID: 65_534, .groupOwnerAccountID: 4321], ofItemAtPath: folder["app"])
            let settings = [
                "PARANOID_USER": Self.stranger, "PARANOID_GROUP": "4321", "PARANOID_LISTEN": "unix:\(folder["app/run/app.sock"])",
                "PARANOID_LISTEN_GROUP": "4322", "PARANOID_SESSION_DIR": folder["app/state/sessions"],
                "PARANOID_SECRET_FILE": folder["app/state/secret"], "PARANOID_LOG_FILE": folder["app/log"],
            ]
            let program = try BareProgram(in: folder, settings: settings)
            try await eventually("it answers") {
                if let ending = program.process.ending {
                    throw TestFailure("ended: \(ending) \(program.log) \(folder.text(of: "app/log"))")
                }
                return (try? KeptConnection.get("/hello", from: folder["app/run/app.sock"])) == "hello\n"
            }
            for (path, group, mode) in [
                ("app/run", 4322, 0o750), ("app/run/app.sock", 4322, 0o660), ("app/state/sessions", 4321, 0o700), ("app/log", 4321, 0o600),
            ] {
                let facts = try FileManager.default.attributesOfItem(atPath: folder[path])
                #expect(facts[.ownerAccountID] as? Int == 65_534 && facts[.groupOwnerAccountID] as? Int == group, "\(path): \(facts)")
                #expect(facts[.posixPermissions] as? Int == mode, "\(path): \(facts)")
            }
            await program.end()
            #expect(!FileManager.default.fileExists(atPath: folder["app/run/app.sock"]))
        }

        @Test(
            "root that serves without another user is warned of it, and one that has a user is not",
            .timeLimit(.minutes(5)),
            .enabled(if: geteuid() == 0)
        )
        func rootWarning() async throws {
            for (settings, isWarned) in [([:], true), (["PARANOID_USER": Self.stranger, "PARANOID_GROUP": "4321"], false)] {
                let folder = try TestFolder(isOpen: true)
                let settings = settings.merging(["PARANOID_LISTEN": "unix:\(folder["run/app.sock"])"]) { $1 }
                let program = try BareProgram(in: folder, settings: settings)
                try await eventually("it serves") { program.log.contains("worker ready") }
                #expect(program.log.contains("the application serves as root") == isWarned, "\(program.log)")
                await program.end()
            }
        }
    }
}

extension BareProgram {
    /// The numbers of the page `/statistics`.
    func statistics() throws -> [String: Int] {
        try JSONDecoder().decode([String: Int].self, from: Data(KeptConnection.get("/statistics", from: self.socket).utf8))
    }
}
