#if Redis
import Foundation
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@testable import RedisSessionStore

/// Keeps what a store tells.
private final class Observer: Sendable {
    private let events = Mutex<[RedisEvent]>([])

    func note(_ event: RedisEvent) { self.events.withLock { $0.append(event) } }
    func count(_ isCounted: (RedisEvent) -> Bool) -> Int { self.events.withLock { $0.count(where: isCounted) } }

    func count(_ purpose: RedisEvent.Purpose, isFailure: Bool = false) -> Int {
        self.count { if case .finished(purpose, _, isFailure: isFailure) = $0 { true } else { false } }
    }
}

@Suite("What is told of a Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisMetricsTests {
    @Test("is its commands with their purpose, failures and breakers")
    func counts() async throws {
        let server = try await RedisServer()
        let observer = Observer()
        var settings = RedisSessionStore.Configuration(address: try RedisAddress(try server.place(timeout: 2)))
        settings.observe = { observer.note($0) }
        let store = try RedisSessionStore(settings)
        let name = makeName()
        let tag = try #require(UserTag(bytes: Array(repeating: 1, count: 16)))
        try await store.create(try await makeSession([0], in: store, userTag: tag), named: name)
        for _ in 0..<3 {
            #expect(try await store.read(name) != nil)
            try await store.modify(name, timeout: .seconds(60)) { current in
                guard var next = current else { return (.keep, ()) }
                next.generation += 1
                return (.write(next), ())
            }
        }
        try await store.modify(name, timeout: .seconds(60)) { _ in (.remove, ()) }
        #expect(observer.count(.create) == 1 && observer.count(.read) == 3 && observer.count(.change) == 3 && observer.count(.remove) == 1)
        // The list of the user: the name is put in and taken out.
        #expect(observer.count(.users) == 2)
        #expect(observer.count(.control) > 0)
        #expect(observer.count { $0 == .breakerOpened } == 0)
        server.end()
        for _ in 0..<4 { _ = try? await store.read(name) }
        #expect(observer.count(.read, isFailure: true) == 4)
        #expect(observer.count { $0 == .retried } > 0)
        #expect(observer.count { $0 == .breakerOpened } >= 1)
        try await server.restart()
        try await eventually("the breaker is closed") {
            _ = try? await store.read(name)
            return observer.count { $0 == .breakerClosed } >= 1
        }
    }

    @Test("is no redirection where the nodes of the slots are known")
    func redirections() async throws {
        let cluster = try await RedisCluster.shared.get()
        let observer = Observer()
        var settings = RedisSessionStore.Configuration(address: try RedisAddress(try cluster.place(prefix: "metrics")))
        settings.observe = { observer.note($0) }
        let store = try RedisSessionStore(settings)
        for _ in 0..<5 { #expect(try await store.read(makeName()) == nil) }
        #expect(observer.count { $0 == .redirected || $0 == .breakerOpened } == 0)
        #expect(observer.count(.read) == 5)
    }
}
#endif
