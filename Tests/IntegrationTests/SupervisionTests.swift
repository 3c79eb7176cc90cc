import Foundation
import Synchronization
import TestSupport
import Testing

extension Integration {
    @Suite("Supervision")
    struct Supervision {
        @Test(
            "workers of a supervisor that was killed finish what runs and end, and a new one takes the socket over",
            .timeLimit(.minutes(5))
        )
        func killedSupervisor() async throws {
            let folder = try TestFolder()
            let first = try BareProgram(in: folder, workers: 2)
            try await eventually("it answers") { (try? KeptConnection.get("/hello", from: first.socket)) == "hello\n" }
            try await eventually("both workers are there") { first.workers.count == 2 }
            let workers = first.workers
            let socket = first.socket
            let answer = Answer()
            // Whether its request is taken before the end or waits at the listener makes no difference.
            let connection = try KeptConnection(path: socket)
            Thread.detachNewThread {
                let text = (try? connection.get("/wait?ms=4000")) ?? "cut"
                answer.text.withLock { $0 = text }
            }
            first.process.signal(SIGKILL)
            _ = await first.process.waitForEnd()
            // While the workers of the first still have their request.
            try await eventually("the address is free") {
                let second = try BareProgram(in: folder, workers: 1)
                while second.process.ending == nil {
                    if (try? KeptConnection.get("/worker", from: socket)).flatMap({ pid_t($0) }).map({ !workers.contains($0) }) == true {
                        await second.end()
                        return true
                    }
                    try await Task.sleep(for: .milliseconds(20))
                }
                return false
            }
            try await eventually("the request is answered") { answer.text.withLock { !$0.isEmpty } }
            #expect(answer.text.withLock { $0 } == "waited\n")
            try await eventually("the workers have ended") { workers.allSatisfy { kill($0, 0) != 0 } }
        }

        @Test("the number of workers follows the load", .timeLimit(.minutes(5)))
        func scaling() async throws {
            let settings = [
                "PARANOID_SCALING": "dynamic", "PARANOID_WORKERS_MIN": "1", "PARANOID_WORKERS_MAX": "3", "PARANOID_THREADS": "1",
            ]
            try await BareProgram.with(workers: 1, settings: settings) { program in
                let socket = program.socket
                let isEnough = Flag()
                defer { isEnough.set() }
                // Threads of their own: the test's pool has no more than there are processors.
                for _ in 0..<3 {
                    Thread.detachNewThread {
                        while !isEnough.isSet { _ = try? KeptConnection.get("/hold?ms=500", from: socket) }
                    }
                }
                try await eventually("there are three workers") { program.workers.count == 3 }
                #expect(program.log.contains("number of workers changed"))
            }
        }

        @Test("workers that crash are replaced, and other routes answer", .timeLimit(.minutes(5)))
        func crashes() async throws {
            try await TestApplication.with("demo", workers: 2, settings: ["DEMO_ALLOW_CRASH": "1"]) { app in
                for _ in 0..<4 { _ = try await app.get("/crash", "--max-time", "30") }
                try await eventually("other routes answer") { try await app.get("/hello", "--max-time", "30").status == 200 }
                // How long a pause is follows from a worker's age, to which the crash report adds; RestartBackoffTests know the rule.
                #expect(app.log.contains("worker died") && app.log.contains("worker.restart_seconds="))
            }
        }

        @Test(
            "workers start, die and are replaced under a filter of system calls that is older than pidfd_open and openat2",
            .timeLimit(.minutes(5))
        )
        func oldFilter() async throws {
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Support/old-filter.py").path
            // pidfd_send_signal, pidfd_open, openat2: the same numbers on x86-64 and arm64.
            let shell = "exec python3 \(script) 424 434 437 -- \"$0\""
            try await BareProgram.with(workers: 2, shell: shell) { program in
                #expect(BareProgram.status("Seccomp", of: program.process.pid) == ["2"])
                try await eventually("both workers are there") { program.workers.count == 2 }
                let workers = program.workers
                kill(workers[0], SIGKILL)
                try await eventually("a successor is there") { program.workers.count == 2 && !program.workers.contains(workers[0]) }
                program.process.signal(SIGHUP)
                try await eventually("both are replaced") { program.log.contains("reload finished") }
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
                program.process.signal(SIGTERM)
                #expect(await program.process.waitForEnd() == .exited(0))
            }
        }

        @Test("as many descriptors may be opened as the system allows, and too few are said at the start", .timeLimit(.minutes(5)))
        func descriptors() async throws {
            try await BareProgram.with(workers: 1, shell: "ulimit -Sn 200; ulimit -Hn 2000; exec \"$0\"") { program in
                let worker = try #require(program.workers.first)
                #expect(TestFolder.text(at: "/proc/\(worker)/limits").contains(#/Max open files +2000 +2000/#))
            }
            for limit in [10, 12, 20, 127] {
                let folder = try TestFolder()
                let program = try BareProgram(in: folder, shell: "ulimit -n \(limit); exec \"$0\"")
                #expect(await program.process.waitForEnd() == .exited(71))
                #expect(program.log.contains("a process may open \(limit) descriptors (RLIMIT_NOFILE"))
                #expect(program.log.split(separator: "\n").count == 1)
            }
        }

        @Test("a reader of standard error that has stopped stops nothing, and is told how much it has missed", .timeLimit(.minutes(5)))
        func stoppedReader() async throws {
            let folder = try TestFolder()
            let path = folder["pipe"]
            // The pipe is full before the first line.
            let shell = "mkfifo \(path); exec 9<>\(path); head -c 65536 /dev/zero >&9; exec \"$0\" 2>\(path)"
            try await BareProgram.with(in: folder, workers: 2, shell: shell) { program in
                let workers = program.workers
                kill(workers[0], SIGKILL)
                try await eventually("a successor is there") { program.workers.count == 2 && !program.workers.contains(workers[0]) }
                #expect(try KeptConnection.get("/hello", from: program.socket) == "hello\n")
                let reader = unsafe open(path, O_RDONLY | O_NONBLOCK)
                defer { close(reader) }
                func read() -> String {
                    var bytes = [UInt8](repeating: 0, count: 1 << 17)
                    let count = unsafe Glibc.read(reader, &bytes, bytes.count)
                    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
                }
                #expect(read().utf8.count == 65_536)
                program.process.signal(SIGHUP)
                var text = ""
                try await eventually("the loss is told") {
                    text += read()
                    return text.contains("log lines were lost, as nobody took them from standard error: ")
                }
                // Full again at the end.
                let writer = unsafe open(path, O_WRONLY | O_NONBLOCK)
                defer { close(writer) }
                let filling = [UInt8](repeating: 0, count: 4096)
                while unsafe write(writer, filling, filling.count) > 0 {}
                program.process.signal(SIGTERM)
                #expect(await program.process.waitForEnd() == .exited(0))
            }
        }
    }
}

/// What a thread has been answered.
private final class Answer: Sendable {
    let text = Mutex("")
}
