#if Redis
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport

@testable import RedisSessionStore

/// Three masters on this machine, and a replica of each where failovers are wanted.
struct RedisCluster {
    let nodes: [RedisServer]
    let ports: [Int]
    let identifiers: [String]

    static let shared = Shared()

    actor Shared {
        private var starting: Task<RedisCluster, any Error>?

        func get() async throws -> RedisCluster {
            let task = self.starting ?? Task { try await RedisCluster() }
            self.starting = task
            return try await task.value
        }
    }

    /// - Parameter hasReplicas: Whether there are three replicas behind the masters, which take over from one that does not answer for 2 s.
    init(hasReplicas: Bool = false) async throws {
        let count = hasReplicas ? 6 : 3
        let ports = try FreePorts.find(2 * count)
        self.ports = Array(ports.prefix(count))
        var nodes: [RedisServer] = []
        for index in 0..<count {
            var options = ["--cluster-enabled", "yes", "--cluster-port", "\(ports[count + index])"]
            // Without replicas nobody is to be taken for dead; a machine under load answers late.
            options += ["--cluster-node-timeout", hasReplicas ? "2000" : "600000"]
            if hasReplicas {
                // A master that comes back before its replica takes over goes on from its file, which has to have all that was acknowledged.
                options += ["--appendonly", "yes", "--appendfsync", "always"]
                // With 0 a replica takes over that has never had its master's data.
                options += ["--cluster-replica-validity-factor", "100", "--repl-diskless-sync-delay", "0"]
                options += ["--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"]
            }
            nodes.append(try await RedisServer(port: ports[index], options))
        }
        self.nodes = nodes
        let bounds = [0, 5461, 10_923, 16_384]
        var identifiers: [String] = []
        for (index, node) in nodes.enumerated() {
            if index < 3 { _ = try await node.reply("CLUSTER", "ADDSLOTSRANGE", "\(bounds[index])", "\(bounds[index + 1] - 1)") }
            _ = try await node.reply("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
            let identifier = try await node.reply("CLUSTER", "MYID").bytes ?? []
            identifiers.append(String(decoding: identifier, as: UTF8.self))
        }
        self.identifiers = identifiers
        for index in 1..<count {
            _ = try await nodes[0].reply("CLUSTER", "MEET", "127.0.0.1", "\(ports[index])", "\(ports[count + index])")
        }
        for (index, node) in nodes.enumerated() {
            try await eventually("node \(index) knows all slots") {
                let slots = SlotMap(try await node.reply("CLUSTER", "SLOTS"), from: .tcp(host: "127.0.0.1", port: 1))
                let text = try await node.reply("CLUSTER", "INFO").bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
                return slots?.servedCount == HashSlot.count && text.contains("cluster_state:ok")
            }
        }
        guard hasReplicas else { return }
        for index in 3..<6 {
            try await eventually("node \(index) is a replica") {
                try await nodes[index].reply("CLUSTER", "REPLICATE", identifiers[index - 3]) == .status("OK")
            }
        }
        try await self.waitUntilWhole()
    }

    private func text(_ node: RedisServer, _ words: String...) async -> String {
        let reply = try? await node.client().send(RedisCommand(words)).reply
        return String(decoding: reply?.bytes ?? [], as: UTF8.self)
    }

    /// The nodes that are masters by what they say themselves, those that do not answer excepted.
    func masters() async -> [Int] {
        var found: [Int] = []
        for (index, node) in self.nodes.enumerated() where await self.text(node, "INFO", "replication").contains("role:master") {
            found.append(index)
        }
        return found
    }

    /// Waits until three masters serve all slots, each has a replica that has all it has, and all nodes agree.
    func waitUntilWhole() async throws {
        try await eventually("the cluster is whole") {
            var (masters, replicas) = (0, 0)
            for node in self.nodes {
                guard await self.text(node, "CLUSTER", "INFO").contains("cluster_state:ok") else { return false }
                let text = await self.text(node, "INFO", "replication")
                if text.contains("role:master"), text.contains("connected_slaves:1"), text.contains("state=online") { masters += 1 }
                if text.contains("role:slave"), text.contains("master_link_status:up") { replicas += 1 }
                let nodes = await self.text(node, "CLUSTER", "NODES")
                if nodes.contains("fail") || nodes.contains("handshake") { return false }
            }
            return masters == 3 && replicas == 3
        }
    }

    /// Waits until the replicas have as many keys as their masters; while it is whole.
    func waitUntilReplicated() async throws {
        try await eventually("the replicas have all sessions") {
            var (masters, replicas) = (0, 0)
            for node in self.nodes {
                guard case .integer(let count) = try await node.reply("DBSIZE") else { return false }
                if await self.text(node, "INFO", "replication").contains("role:master") {
                    masters += Int(count)
                } else {
                    replicas += Int(count)
                }
            }
            return masters == replicas
        }
    }

    /// The master of a slot, as soon as another node knows one.
    func knownMaster(of slot: UInt16, asking asked: Int) async throws -> Int {
        var found: Int?
        try await eventually("a master serves the slot") {
            found = await self.master(of: slot, asking: asked)
            return found != nil
        }
        guard let found else { throw TestFailure("no master") }
        return found
    }

    /// The master of a slot, as another node sees it.
    func master(of slot: UInt16, asking asked: Int) async -> Int? {
        guard let reply = try? await self.nodes[asked].reply("CLUSTER", "SLOTS"),
            case .tcp(_, let port)? = SlotMap(reply, from: .tcp(host: "127.0.0.1", port: 1))?[slot]
        else { return nil }
        return self.ports.firstIndex(of: Int(port))
    }

    func store(prefix: String, firstNodes: Int = 3, options: String = "&timeout=60") throws -> RedisSessionStore {
        let hosts = self.ports.prefix(firstNodes).map { "127.0.0.1:\($0)" }.joined(separator: ",")
        return try RedisSessionStore(.init(address: RedisAddress(try self.place(prefix: prefix, hosts, options: options))))
    }

    /// The address of a store as a user who has the rights that the tool prints, and no others, on every node.
    func place(prefix: String, _ hosts: String? = nil, options: String = "&timeout=60") throws -> String {
        let hosts = hosts ?? self.ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
        let users = Set(try self.nodes.map { try $0.credentials(prefix) })
        return "redis://\(users.first ?? "")\(hosts)?cluster&prefix=\(prefix)\(options)"
    }

    /// Moves a slot with all its keys while it is in use.
    func move(_ slot: UInt16, from source: Int, to target: Int) async throws {
        func done(_ reply: RedisReply, _ what: String) throws {
            if case .error(let text) = reply { throw TestFailure("\(what): \(text)") }
        }
        let slot = "\(slot)"
        try done(try await self.nodes[target].reply("CLUSTER", "SETSLOT", slot, "IMPORTING", self.identifiers[source]), "importing")
        try done(try await self.nodes[source].reply("CLUSTER", "SETSLOT", slot, "MIGRATING", self.identifiers[target]), "migrating")
        while true {
            let keys = try await self.nodes[source].reply("CLUSTER", "GETKEYSINSLOT", slot, "10").elements ?? []
            if keys.isEmpty { break }
            for key in keys {
                let name = String(decoding: key.bytes ?? [], as: UTF8.self)
                try done(
                    try await self.nodes[source].reply("MIGRATE", "127.0.0.1", "\(self.ports[target])", name, "0", "60000"),
                    "moving a key"
                )
            }
        }
        let others = await self.masters().filter { $0 != target && $0 != source }
        for node in [target, source] + others {
            try done(try await self.nodes[node].reply("CLUSTER", "SETSLOT", slot, "NODE", self.identifiers[target]), "giving the slot")
        }
    }
}
#endif
