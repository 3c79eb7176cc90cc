#if Redis
import Foundation
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@testable import RedisSessionStore

/// Six nodes of a cluster under load, of which one after the other is killed, paused or restarted.
@Suite("The store in a cluster that has faults", .serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisFaultTests {
    /// What came of the changes of a load.
    private struct Counts: Sendable {
        var acknowledged: [SessionName: Int] = [:]
        var given = 0
        var unavailable = 0
        /// How often a session was absent, so that its owner would have been logged out.
        var absent = 0
        var others: [String] = []
    }

    private final class Load: Sendable {
        private let counts = Mutex(Counts())
        private let isOver = Mutex(false)

        var result: Counts { self.counts.withLock { $0 } }
        func end() { self.isOver.withLock { $0 = true } }

        /// Changes sessions until the end.
        func run(_ names: [SessionName], in store: RedisSessionStore) async {
            while !self.isOver.withLock({ $0 }) {
                for name in names {
                    do throws(SessionStoreError) {
                        let isThere = try await store.modify(name, timeout: .seconds(5)) { current in
                            guard var next = current else { return (.keep, false) }
                            next.generation += 1
                            return (.write(next), true)
                        }
                        self.counts.withLock { counts in
                            if isThere { counts.acknowledged[name, default: 0] += 1 } else { counts.absent += 1 }
                        }
                    } catch {
                        self.counts.withLock { counts in
                            if error.code == .unavailable || error.code == .lockTimeout {
                                counts.unavailable += 1
                            } else {
                                counts.others.append("\(error)")
                            }
                        }
                    }
                    self.counts.withLock { $0.given += 1 }
                }
            }
        }
    }

    /// Waits until another node than that serves a slot.
    private func waitForSuccessor(of node: Int, _ slot: UInt16, in cluster: RedisCluster) async throws {
        try await eventually("another node took over from node \(node)") {
            for asked in 0..<6 where asked != node {
                if let master = await cluster.master(of: slot, asking: asked), master != node { return true }
            }
            return false
        }
    }

    private func disturb(_ cluster: RedisCluster, _ slot: UInt16) async throws {
        // A master dies and comes back as a replica.
        let first = try await cluster.knownMaster(of: slot, asking: 5)
        cluster.nodes[first].end()
        try await self.waitForSuccessor(of: first, slot, in: cluster)
        try await cluster.nodes[first].restart()
        try await cluster.waitUntilWhole()
        // The one that took over hangs, and goes on when nobody waits for it any more.
        let second = try await cluster.knownMaster(of: slot, asking: first)
        cluster.nodes[second].signal(SIGSTOP)
        try await self.waitForSuccessor(of: second, slot, in: cluster)
        cluster.nodes[second].signal(SIGCONT)
        try await cluster.waitUntilWhole()
        // The slot moves.
        try await eventually("the slot has moved") {
            try await cluster.waitUntilWhole()
            let masters = await cluster.masters()
            guard masters.count == 3, let source = await cluster.master(of: slot, asking: masters[0]),
                let target = masters.first(where: { $0 != source })
            else { return false }
            do {
                try await cluster.move(slot, from: source, to: target)
                return true
            } catch is TestFailure {
                // On a slow machine a replica takes over in between.
                return false
            }
        }
        try await cluster.waitUntilWhole()
        // All restart in turn.
        for node in cluster.nodes {
            try await node.restart()
            try await cluster.waitUntilWhole()
        }
    }

    @Test("no session is lost, and with a replica that has it no change that was acknowledged", arguments: [0, 1])
    func faults(waits: Int) async throws {
        let cluster = try await RedisCluster(hasReplicas: true)
        let options = "&timeout=5" + (waits > 0 ? "&wait=\(waits)" : "")
        let stores = try (0..<2).map { _ in try cluster.store(prefix: "faults", firstNodes: 6, options: options) }
        let names = (0..<6).map { _ in makeName() }
        let session = try await makeSession([0], in: stores[0])
        for name in names { try await stores[0].create(session, named: name) }
        // What was made before the faults is on the replicas, also where nobody has waited.
        try await cluster.waitUntilWhole()
        try await cluster.waitUntilReplicated()
        let slot = HashSlot.slot(of: RedisKeys(prefix: "faults").session(names[0]))
        let load = Load()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<4 { group.addTask { await load.run(names, in: stores[index % 2]) } }
            do {
                try await self.disturb(cluster, slot)
            } catch {
                load.end()
                throw error
            }
            load.end()
            try await group.waitForAll()
        }
        let counts = load.result
        var lost = 0
        let store = try cluster.store(prefix: "faults", firstNodes: 6)
        for name in names {
            let found = try await store.read(name)
            #expect(found != nil)
            // A change that was given up may have happened as well.
            lost += max(0, counts.acknowledged[name, default: 0] + 1 - Int(found?.generation ?? 0))
        }
        print("redis faults, wait=\(waits): \(counts.given) changes, \(counts.unavailable) unavailable, \(lost) lost")
        #expect(counts.absent == 0)
        #expect(counts.others.isEmpty)
        #expect(counts.acknowledged.values.reduce(0, +) > 0)
        if waits > 0 { #expect(lost == 0) }
    }
}
#endif
