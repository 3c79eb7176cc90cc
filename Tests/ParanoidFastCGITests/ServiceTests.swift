import Glibc
import ParanoidFastCGI
import ParanoidFastCGITesting
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@Suite("An application as a service")
struct ServiceTests {
    private let directory: TemporaryDirectory
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.workers = 0
        configuration.handlesSignals = false
        self.app = try Application(configuration: configuration, logger: .silent)
    }

    private func waitUntil(_ isThere: Bool) async throws {
        while unsafe (access("\(self.directory.path)/app.sock", F_OK) == 0) != isThere { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test("serves until a graceful shutdown, and takes its socket away", .timeLimit(.minutes(3)))
    func gracefulShutdown() async throws {
        try await testGracefulShutdown { trigger in
            async let running: Void = self.app.run()
            try await self.waitUntil(true)
            trigger.triggerGracefulShutdown()
            try await running
            try await self.waitUntil(false)
        }
    }

    @Test("ends with the task that runs it", .timeLimit(.minutes(3)))
    func cancellation() async throws {
        let running = Task { try await self.app.run() }
        try await self.waitUntil(true)
        running.cancel()
        _ = await running.result
        try await self.waitUntil(false)
    }

    @Test("runs in a group of services", .timeLimit(.minutes(3)))
    func group() async throws {
        let group = ServiceGroup(services: [self.app], logger: self.app.logger)
        async let running: Void = group.run()
        try await self.waitUntil(true)
        await group.triggerGracefulShutdown()
        try await running
    }
}
