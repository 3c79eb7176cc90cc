import Glibc
import ParanoidLinux
import TestSupport
import Testing

@testable import WorkerSupervisor

@Suite("Supervisor with real processes", .serialized)
struct SupervisorTests {
    let directory = TemporaryDirectory()
    let log = RecordedLog()

    /// Runs a supervisor beside `body`, stops it, and checks that nothing is left.
    private func supervise(
        _ configuration: SupervisorConfiguration,
        expecting exitCode: CInt = 0,
        _ body: (Supervisor) async throws -> Void
    ) async throws {
        let supervisor = try Supervisor(
            configuration: configuration,
            listener: ScriptedWorkers.listener(in: self.directory),
            logger: self.log.logger
        )
        async let outcome = supervisor.run()
        do {
            try await body(supervisor)
        } catch {
            supervisor.send(.stopNow)
            _ = await outcome
            throw error
        }
        supervisor.send(.stop)
        #expect(await outcome == exitCode)
        for process in self.processes { #expect(!exists(process), "a worker is left") }
        try await eventually("the workers' helpers end with the supervisor pipe") {
            !self.directory.lines("helpers").contains(where: isRunning)
        }
    }

    private var processes: [String] { self.log.values("worker.pid", in: "worker started") }

    private func ready(_ count: Int) async throws {
        try await eventually("\(count) workers became ready") { self.log.count("worker ready") >= count }
    }

    @Test("starts its workers, and drains them when it is told to stop")
    func graceful() async throws {
        try await self.supervise(ScriptedWorkers.configuration(ScriptedWorkers.serving, directory: self.directory)) { _ in
            try await self.ready(2)
        }
        #expect(self.directory.lines("events").sorted() == ["drained 0", "drained 1"])
        #expect(self.log.values("worker.status", in: "worker ended") == ["exit status 0", "exit status 0"])
    }

    @Test("leaves exactly the agreed descriptors and variables to a worker")
    func inheritance() async throws {
        let script = """
            for path in /proc/$$/fd/*; do number=${path##*/}; [ -e "$path" ] && echo "$number" >> "$DIRECTORY/descriptors.$PARANOID_WORKER"; done
            echo "$PARANOID_ROLE $PARANOID_HANDOFF_SOCKETS $SWIFT_BACKTRACE" >> "$DIRECTORY/variables"
            """
        // One that is not close-on-exec, as other people's code leaves them.
        let careless = fcntl(1, F_DUPFD, 40)
        defer { close(careless) }
        let configuration = ScriptedWorkers.configuration(script + "\n" + ScriptedWorkers.serving, workers: 3, directory: self.directory)
        try await self.supervise(configuration) { _ in try await self.ready(3) }
        for slot in 0..<3 {
            #expect(self.directory.lines("descriptors.\(slot)").compactMap { Int($0) }.sorted() == [0, 1, 2, 3, 4, 5, 6, 7, 8])
        }
        #expect(
            self.directory.lines("variables")
                == Array(repeating: "worker 3 enable=yes,registers=none,images=none,warnings=suppressed", count: 3)
        )
    }

    @Test("replaces a worker that was killed")
    func replacement() async throws {
        try await self.supervise(ScriptedWorkers.configuration(ScriptedWorkers.serving, directory: self.directory)) { _ in
            try await self.ready(2)
            kill(pid_t(self.processes[0])!, SIGKILL)
            try await self.ready(3)
        }
        #expect(self.log.values("worker.status", in: "worker died") == ["SIGKILL"])
        #expect(self.log.values("worker", in: "worker ready").sorted() == ["0#0", "0#2", "1#1"])
    }

    @Test("kills a worker that does not drain in time")
    func graceExpires() async throws {
        var configuration = ScriptedWorkers.configuration(
            "trap '' TERM; printf R >&3; while :; do sleep 0.01; done",
            directory: self.directory
        )
        configuration.gracePeriod = .milliseconds(20)
        try await self.supervise(configuration) { _ in try await self.ready(2) }
        #expect(self.log.values("worker.status", in: "worker ended") == ["SIGKILL", "SIGKILL"])
    }

    @Test("kills at once when it is told so")
    func stopNow() async throws {
        let stubborn = "trap '' TERM; printf R >&3; while :; do sleep 0.01; done"
        try await self.supervise(ScriptedWorkers.configuration(stubborn, directory: self.directory)) { supervisor in
            try await self.ready(2)
            supervisor.send(.stopNow)
        }
        #expect(self.log.values("worker.status", in: "worker ended") == ["SIGKILL", "SIGKILL"])
    }

    @Test("backs off from a worker that dies at once, and keeps serving with the others")
    func backsOff() async throws {
        let script = "[ $PARANOID_WORKER = 0 ] && exit 3\n" + ScriptedWorkers.serving
        try await self.supervise(ScriptedWorkers.configuration(script, directory: self.directory)) { _ in
            try await eventually("slot 0 died six times") { self.log.count("worker died") >= 6 }
            try await self.ready(1)
        }
        let pauses = self.log.values("worker.restart_seconds", in: "worker died").prefix(6)
        #expect(Array(pauses) == ["0.001", "0.002", "0.004", "0.008", "0.008", "0.008"])
        #expect(Set(self.log.values("worker.status", in: "worker died")) == ["exit status 3"])
        #expect(self.log.values("worker", in: "worker ready") == ["1#1"])
    }

    @Test("kills and replaces a worker that never becomes ready")
    func readiness() async throws {
        let script = """
            if mkdir "$DIRECTORY/first" 2>/dev/null; then trap '' TERM; while :; do sleep 0.01; done; fi
            rmdir "$DIRECTORY/first"
            """
        var configuration = ScriptedWorkers.configuration(script + "\n" + ScriptedWorkers.serving, workers: 1, directory: self.directory)
        configuration.readinessTimeout = .milliseconds(500)
        try await self.supervise(configuration) { _ in try await self.ready(1) }
        #expect(self.log.count("worker did not become ready in time and is killed") >= 1)
    }

    @Test("ends with the workers' code when they refuse the configuration")
    func configurationRefused() async throws {
        try await self.supervise(ScriptedWorkers.configuration("exit 78", directory: self.directory), expecting: 78) { _ in
            try await eventually("the configuration is refused") { self.log.count("a worker refuses the configuration") == 1 }
        }
    }

    @Test("ends when the program cannot be executed")
    func missingProgram() async throws {
        var configuration = ScriptedWorkers.configuration("", directory: self.directory)
        configuration.programPath = "\(self.directory.path)/missing"
        try await self.supervise(configuration, expecting: 71) { _ in
            try await eventually("the error is logged") { self.log.count("a worker cannot be started") > 0 }
        }
        #expect(
            self.log.values("error", in: "a worker cannot be started") == [
                "posix_spawn: No such file or directory", "posix_spawn: No such file or directory",
            ]
        )
    }

    @Test("reloads with new settings, every successor before its predecessor goes")
    func reload() async throws {
        self.directory.write("MARK=old\n", to: "environment")
        let script = "echo $MARK >> \"$DIRECTORY/marks\"\n" + ScriptedWorkers.serving
        var configuration = ScriptedWorkers.configuration(script, workers: 3, directory: self.directory)
        configuration.environmentFile = "\(self.directory.path)/environment"
        try await self.supervise(configuration) { supervisor in
            try await self.ready(3)
            self.directory.write("MARK=new\n", to: "environment")
            supervisor.send(.reload)
            try await eventually("the reload is finished and the old have gone") {
                self.log.count("reload finished") == 1 && self.log.count("worker ended") == 3
            }
            #expect(self.log.count("worker ready") == 6)
        }
        #expect(self.directory.lines("marks") == ["old", "old", "old", "new", "new", "new"])
        // At no time in the log do fewer than three serve.
        var serving = 0
        for line in self.log.lines.prefix(while: { $0.message != "stopping" }) {
            if line.message == "worker ready" { serving += 1 }
            if line.message == "worker ended" { serving -= 1 }
            if serving == 3 { break }
        }
        for line in self.log.lines.drop(while: { $0.message != "reload begun" }).prefix(while: { $0.message != "stopping" }) {
            if line.message == "worker ready" { serving += 1 }
            if line.message == "worker ended" { serving -= 1 }
            #expect(serving >= 3)
        }
        #expect(serving == 3)
    }

    @Test("keeps the old workers when the new settings are unusable")
    func reloadRefused() async throws {
        self.directory.write("MARK=old\n", to: "environment")
        var configuration = ScriptedWorkers.configuration(ScriptedWorkers.serving, directory: self.directory)
        configuration.environmentFile = "\(self.directory.path)/environment"
        try await self.supervise(configuration) { supervisor in
            try await self.ready(2)
            self.directory.write("MARK\n", to: "environment")
            supervisor.send(.reload)
            try await eventually("the reload is abandoned") { self.log.count("reload abandoned, the remaining workers stay") == 1 }
        }
        #expect(self.log.count("worker ready") == 2)
        #expect(self.log.values("error", in: "the environment file cannot be used") == ["line 1: expected NAME=VALUE"])
    }

    @Test("takes on one worker more and gives one up")
    func resizing() async throws {
        try await self.supervise(ScriptedWorkers.configuration(ScriptedWorkers.serving, directory: self.directory)) { supervisor in
            try await self.ready(2)
            supervisor.send(.addWorker)
            try await self.ready(3)
            supervisor.send(.removeWorker)
            try await eventually("the third has ended") { self.log.count("worker ended") == 1 }
        }
        #expect(self.log.values("worker", in: "worker ended").first == "2#2")
    }

    @Test("replaces a worker that asks for a successor")
    func recycling() async throws {
        let script = "mkdir \"$DIRECTORY/once\" 2>/dev/null && (sleep 0.05; printf X >&3) &\n" + ScriptedWorkers.serving
        try await self.supervise(ScriptedWorkers.configuration(script, workers: 1, directory: self.directory)) { _ in
            try await eventually("the first has drained") { self.log.count("worker ended") == 1 }
        }
        unsafe rmdir("\(self.directory.path)/once")
        let messages = self.log.lines.map { "\($0.message) \($0.metadata["worker"] ?? "")" }
        #expect(
            messages == [
                "worker started 0#0", "worker ready 0#0", "worker asks for a successor 0#0", "worker started 0#1", "worker ready 0#1",
                "worker ended 0#0", "stopping ",
                "worker ended 0#1",
            ]
        )
    }

    @Test("aborts a worker that shows no heartbeat, and fills its place")
    func stuck() async throws {
        // Scripts do not know the scoreboard, so all of them are stuck; this one does not even die of SIGABRT.
        var configuration = ScriptedWorkers.configuration(
            "trap '' ABRT; printf R >&3; while :; do sleep 0.01; done",
            workers: 1,
            directory: self.directory
        )
        configuration.heartbeatTimeout = .milliseconds(100)
        configuration.observationInterval = .milliseconds(20)
        configuration.abortTimeout = .milliseconds(20)
        try await self.supervise(configuration) { _ in
            try await eventually("a stuck worker has ended") { self.log.count("worker ended") >= 1 && self.log.count("worker ready") >= 2 }
        }
        #expect(self.log.values("worker", in: "worker is stuck and is replaced").first == "0#0")
        #expect(self.log.values("worker.status", in: "worker ended").first == "SIGKILL")
    }

    @Test("replaces a worker that uses too much memory, the successor first")
    func memory() async throws {
        var configuration = ScriptedWorkers.configuration(ScriptedWorkers.serving, workers: 1, directory: self.directory)
        configuration.memoryLimit = 1
        configuration.observationInterval = .milliseconds(20)
        try await self.supervise(configuration) { _ in
            try await eventually("a worker has drained") { self.log.count("worker ended") >= 1 }
        }
        let messages = self.log.lines.map { "\($0.message) \($0.metadata["worker"] ?? "")" }
        // The successor uses too much as well, and may be found out before the first one has ended.
        #expect(
            messages.filter { !$0.hasPrefix("worker uses") || $0.hasSuffix("0#0") }.prefix(6) == [
                "worker started 0#0", "worker ready 0#0", "worker uses too much memory and is replaced 0#0", "worker started 0#1",
                "worker ready 0#1", "worker ended 0#0",
            ]
        )
    }

    @Test("stops when its task is cancelled")
    func cancellation() async throws {
        let supervisor = try Supervisor(
            configuration: ScriptedWorkers.configuration(ScriptedWorkers.serving, directory: self.directory),
            listener: ScriptedWorkers.listener(in: self.directory),
            logger: self.log.logger
        )
        let run = Task { await supervisor.run() }
        try await self.ready(2)
        run.cancel()
        #expect(await run.value == 0)
        #expect(self.directory.lines("events").sorted() == ["drained 0", "drained 1"])
    }
}
