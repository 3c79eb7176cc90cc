#if Redis
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

@Suite("The store in a cluster", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisClusterTests {
    @Test("it keeps every promise", arguments: SessionStoreConformance.Check.allCases)
    func conforms(_ check: SessionStoreConformance.Check) async throws {
        let cluster = try await RedisCluster.shared.get()
        // A store that is told of one node finds the others.
        try await SessionStoreConformance { try cluster.store(prefix: "cluster-\(check)", firstNodes: 1) }.run(check)
    }

    @Test("no change is lost while the slot of a session moves from node to node and back")
    func moving() async throws {
        let cluster = try await RedisCluster()
        let keys = RedisKeys(prefix: "move")
        let stores = try (0..<2).map { _ in try cluster.store(prefix: "move") }
        // A name whose slot is the first node's.
        let name = try #require(
            (0..<1000).lazy.map { _ in makeName() }
                .first { HashSlot.slot(of: keys.session($0)) < 5461 }
        )
        let slot = HashSlot.slot(of: keys.session(name))
        let session = try await makeSession([0], in: stores[0])
        try await stores[0].create(session, named: name)
        let rounds = 100
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for _ in 0..<rounds {
                        try await stores[task % 2].modify(name, timeout: .seconds(600)) { current in
                            guard var next = current else { return (.keep, ()) }
                            next.generation += 1
                            return (.write(next), ())
                        }
                    }
                }
            }
            for (source, target) in [(0, 1), (1, 2), (2, 0)] { try await cluster.move(slot, from: source, to: target) }
            try await group.waitForAll()
        }
        for store in stores { #expect(try await store.read(name)?.generation == UInt64(4 * rounds + 1)) }
        // One more move while nobody looks: the first command afterwards follows it.
        try await cluster.move(slot, from: 0, to: 2)
        for store in stores { #expect(try await store.read(name)?.generation == UInt64(4 * rounds + 1)) }
    }
}

@Suite("The store behind Sentinels", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisSentinelTests {
    @Test("follows the master when it dies, and keeps what the replica had")
    func failover() async throws {
        let ports = try FreePorts.find(3)
        let master = try await RedisServer(port: ports[0])
        let replica = try await RedisServer(port: ports[1], ["--replicaof", "127.0.0.1 \(ports[0])"])
        let lines = [
            "sentinel monitor shop 127.0.0.1 \(ports[0]) 1", "sentinel down-after-milliseconds shop 3000",
            "sentinel failover-timeout shop 20000",
        ]
        let sentinel = try await RedisServer(port: ports[2], sentinel: lines.joined(separator: "\n") + "\n")
        try await eventually("the replica is known and up to date") {
            let known = try await sentinel.reply("SENTINEL", "REPLICAS", "shop").elements?.count == 1
            let text = try await replica.reply("INFO", "replication").bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
            return known && text.contains("master_link_status:up")
        }
        // Whoever takes over has to know the user; Redis does not replicate users.
        let user = try master.credentials("paranoid")
        #expect(try replica.credentials("paranoid") == user)
        let store = try RedisSessionStore(.init(address: RedisAddress("redis://\(user)127.0.0.1:\(ports[2])?sentinel=shop&timeout=60")))
        let name = makeName()
        let session = try await makeSession([0], in: store)
        try await store.create(session, named: name)
        let key = RedisKeys(prefix: "paranoid").session(name)
        try await eventually("the replica has the session") {
            try await replica.client().send(RedisCommand("EXISTS", key: key)).reply == .integer(1)
        }
        master.end()
        try await eventually("the new master serves") { (try? await store.read(name)) != nil }
        #expect(try await store.read(name) == session)
        try await store.modify(name, timeout: .seconds(60)) { current in
            guard var next = current else { return (.keep, ()) }
            next.generation += 1
            return (.write(next), ())
        }
        #expect(try await store.read(name)?.generation == 2)
    }
}
#endif
