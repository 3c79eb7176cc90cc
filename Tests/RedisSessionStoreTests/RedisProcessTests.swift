#if Redis
import Foundation
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("Processes that share a store in Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisProcessTests {
    private func makeCounter(in store: RedisSessionStore) async throws -> SessionName {
        let name = makeName()
        let session = try await makeSession([UInt8](repeating: 0, count: 8), in: store)
        try await store.create(session, named: name)
        return name
    }

    private func start(_ address: String, _ name: SessionName, _ count: Int) throws -> (process: Process, output: FileHandle) {
        let process = Process()
        let output = Pipe()
        // Beside the bundle of the tests.
        let directory = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        process.executableURL = directory.appending(path: "redis-stress")
        process.arguments = [address, name.hexadecimal, "\(count)"]
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        try output.fileHandleForWriting.close()
        return (process, output.fileHandleForReading)
    }

    @Test("no change of six processes is lost, and none of those killed leaves a lock or a change that was not made whole")
    func killed() async throws {
        let server = try await RedisServer()
        let store = try server.store()
        let name = try await self.makeCounter(in: store)
        let address = try server.place("test")
        let steady = try (0..<4).map { _ in try self.start(address, name, 150) }
        let victims = try (0..<2).map { _ in try self.start(address, name, 1_000_000) }
        for victim in victims {
            // It has made changes by then, and is making one.
            _ = try victim.output.read(upToCount: 5)
            kill(victim.process.processIdentifier, SIGKILL)
        }
        var acknowledged: UInt64 = 0
        for (process, output) in steady {
            let count = try output.readToEnd()?.count ?? 0
            #expect(count == 150)
            acknowledged += UInt64(count)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        for (process, output) in victims {
            acknowledged += UInt64(5 + (try output.readToEnd()?.count ?? 0))
            process.waitUntilExit()
        }
        let session = try #require(try await store.read(name))
        let sum = session.payload.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        // Each of those killed may have made one more than it could say.
        #expect(acknowledged <= sum && sum <= acknowledged + UInt64(victims.count))
        #expect(session.generation == sum + 1)
    }
}
#endif
