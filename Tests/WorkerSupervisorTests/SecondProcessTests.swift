import Glibc
import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Supervision across processes", .serialized)
struct SecondProcessTests {
    let directory = TemporaryDirectory()

    @Test("a Swift worker takes over what it inherits and is drained by SIGTERM")
    func swiftWorkers() async throws {
        let log = RecordedLog()
        var configuration = ScriptedWorkers.configuration("", directory: self.directory)
        configuration.arguments = try SecondProcess.shellArguments()
        configuration.environment = [SecondProcess.variable: "worker"]
        let supervisor = try Supervisor(
            configuration: configuration,
            listener: ScriptedWorkers.listener(in: self.directory),
            logger: log.logger
        )
        async let outcome = supervisor.run()
        try? await wait(until: "both workers became ready, none died") { log.count("worker ready") == 2 || log.count("worker died") > 0 }
        supervisor.send(.stop)
        #expect(await outcome == 0)
        #expect(log.values("worker.status", in: "worker died") == [])
        #expect(log.values("worker.status", in: "worker ended") == ["exit status 0", "exit status 0"])
    }

    @Test("a process that is told to be a worker without a supervisor is refused")
    func impostor() throws {
        var environment = ProcessEnvironment()
        let isWorker = try WorkerBootstrap.adopt(environment: environment) != nil
        #expect(!isWorker)
        environment["PARANOID_ROLE"] = "worker"
        for (slot, sockets) in [("0", "1"), ("2", "2"), ("+0", "1"), ("", "1"), ("0", "99999"), ("0", "0")] {
            environment["PARANOID_WORKER"] = slot
            environment["PARANOID_HANDOFF_SOCKETS"] = sockets
            #expect(throws: WorkerBootstrapError.self) { _ = try WorkerBootstrap.adopt(environment: environment) }
        }
    }

    /// Starts the supervisor's process; its workers write into the directory.
    private func startSupervisor(_ additions: [String: String] = [:]) throws -> SpawnedProcess {
        let listener = ScriptedWorkers.listener(in: self.directory)
        let environment = ["DIRECTORY": self.directory.path].merging(additions) { $1 }
        return try SpawnedProcess(
            SecondProcess.command("supervisor", environment: environment),
            mappings: [SpawnedProcess.Mapping(listener.number, to: 0)]
        )
    }

    private func logged(_ message: String, _ count: Int) async throws {
        try await wait(until: "\(count) × \(message)") { self.directory.lines("log").count { $0 == message } >= count }
    }

    private func expectNobodyLeft() async throws {
        try await wait(until: "workers and helpers are gone") {
            !(self.directory.lines("processes") + self.directory.lines("helpers")).contains(where: isRunning)
        }
    }

    @Test("signals mean what they should", arguments: [ProcessSignal.terminate, .interrupt, .quit])
    func signals(ending: ProcessSignal) async throws {
        var supervisor = try self.startSupervisor()
        try await self.logged("worker ready", 2)
        try supervisor.send(.terminalInput)
        try await self.logged("worker ready", 3)
        try supervisor.send(.terminalOutput)
        try await self.logged("worker ended", 1)
        try supervisor.send(.hangUp)
        try await self.logged("reload finished", 1)
        try supervisor.send(.user1)
        try supervisor.send(ending)
        #expect(try supervisor.waitUntilEnded() == .exited(0))
        #expect(self.directory.lines("log").contains(ending == .quit ? "stopping at once" : "stopping"))
        #expect(Set(self.directory.lines("masks")) == ["0077"])
        try await self.expectNobodyLeft()
    }

    @Test("a supervisor that is PID 1 waits for orphans and still knows how its workers end")
    func orphans() async throws {
        var supervisor = try self.startSupervisor(["HAS_ORPHANS": "1"])
        try await self.logged("worker ready", 2)
        try await wait(until: "two orphans were there, and none is left as a zombie") {
            let orphans = self.directory.lines("orphans")
            return orphans.count == 2 && !orphans.contains(where: exists)
        }
        try supervisor.send(.terminate)
        #expect(try supervisor.waitUntilEnded() == .exited(0))
        #expect(self.directory.lines("log").count { $0 == "worker ended" } == 2)
        #expect(!self.directory.lines("log").contains("worker died"))
        try await self.expectNobodyLeft()
    }

    @Test("a process without standard descriptors is safe", arguments: ["closed descriptors", "closed error"])
    func standardDescriptors(part: String) throws {
        var process = try SpawnedProcess(SecondProcess.command(part, environment: ["DIRECTORY": self.directory.path]), mappings: [])
        #expect(try process.waitUntilEnded() == .exited(0))
        if part == "closed error" { #expect(self.directory.lines("log") == ["first", "second"]) }
    }

    @Test("workers notice at once that the supervisor is gone")
    func supervisorPipe() async throws {
        var supervisor = try self.startSupervisor()
        try await self.logged("worker ready", 2)
        try supervisor.send(.kill)
        #expect(try supervisor.waitUntilEnded() == .signalled(SIGKILL))
        try await wait(until: "both workers saw the end of the supervisor pipe") { self.directory.lines("events").count == 2 }
        #expect(self.directory.lines("events").sorted() == ["orphaned 0", "orphaned 1"])
        try await self.expectNobodyLeft()
    }
}
