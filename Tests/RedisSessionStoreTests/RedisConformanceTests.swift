#if Redis
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import RedisSessionStore

@Suite("Conformance of the store in Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisConformanceTests {
    @Test("it keeps every promise over a socket", arguments: SessionStoreConformance.Check.allCases)
    func socket(_ check: SessionStoreConformance.Check) async throws {
        let server = try await RedisServer.shared.get()
        try await SessionStoreConformance { try server.store(prefix: "socket-\(check)") }.run(check)
    }

    @Test("it keeps every promise over TCP", arguments: SessionStoreConformance.Check.allCases)
    func tcp(_ check: SessionStoreConformance.Check) async throws {
        let server = try await RedisServer.overTCP.get()
        try await SessionStoreConformance { try server.store(prefix: "tcp-\(check)", overTCP: true) }.run(check)
    }

    @Test(
        "it keeps every promise when nothing is remembered between a read and a change",
        arguments: SessionStoreConformance.Check.allCases
    )
    func nothingRemembered(_ check: SessionStoreConformance.Check) async throws {
        let server = try await RedisServer.shared.get()
        try await SessionStoreConformance {
            var configuration = RedisSessionStore.Configuration(
                address: try RedisAddress(try server.place("forgetful-\(check)"))
            )
            configuration.rememberedCount = 0
            return try RedisSessionStore(configuration)
        }
        .run(check)
    }
}
#endif
