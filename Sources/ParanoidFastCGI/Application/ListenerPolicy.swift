internal import ParanoidHTTP
internal import FastCGIServer
internal import ParanoidLinux

/// Who may send requests: a pure decision about what the kernel says of a peer.
struct ListenerPolicy: Sendable, Hashable {
    /// Users who may, by number.
    var users: Set<UInt32> = []
    /// Groups whose members may, by number.
    var groups: Set<UInt32> = []
    /// Addresses that may.
    var networks: [NetworkPrefix] = []

    /// The policy for unix sockets.
    ///
    /// - Parameter texts: Users by name or number, groups with an `@` in front.
    init(peers texts: [String]) throws(ConfigurationError) {
        for text in texts {
            if text.utf8.first == UInt8(ascii: "@") {
                guard let group = UserDatabase.group(String(text.dropFirst())) else { throw Self.unknown("group", text) }
                self.groups.insert(group)
            } else {
                guard let user = UserDatabase.user(text) else { throw Self.unknown("user", text) }
                self.users.insert(user.number)
            }
        }
    }

    /// The policy for TCP.
    ///
    /// - Parameter texts: Addresses, and blocks of them in CIDR notation.
    init(clients texts: [String]) throws(ConfigurationError) {
        for text in texts {
            guard let network = NetworkPrefix(text) else {
                throw ConfigurationError(
                    setting: "PARANOID_LISTEN_CLIENTS",
                    problem: "'\(text)' is no address and no block of addresses (like 10.0.0.0/8, without bits behind the prefix)"
                )
            }
            self.networks.append(network)
        }
    }

    /// Whether a user may who is in these groups.
    func admits(user: UInt32, groups: [UInt32]) -> Bool {
        self.users.contains(user) || !self.groups.isDisjoint(with: groups)
    }

    /// Whether a host may.
    func admits(host: NetworkAddress) -> Bool {
        self.networks.contains { $0.contains(host) }
    }

    /// Whether the peer of a connection may; one that the kernel says nothing about may not.
    func admits(_ connection: borrowing OwnedDescriptor, isUnix: Bool) -> Bool {
        do throws(SystemCallError) {
            if isUnix {
                let peer = try PeerCredentials(ofPeerOf: connection)
                return self.admits(user: peer.user, groups: peer.groups)
            }
            guard let host = try SocketAddress(ofPeerOf: connection).hostBytes.flatMap({ NetworkAddress(bytes: $0) }) else { return false }
            return self.admits(host: host)
        } catch {
            return false
        }
    }

    private static func unknown(_ kind: String, _ text: String) -> ConfigurationError {
        ConfigurationError(setting: "PARANOID_LISTEN_PEERS", problem: "there is no \(kind) '\(text)'")
    }
}

extension ApplicationConfiguration {
    /// What a listener asks about who connects; `nil`: nothing.
    ///
    /// - Throws: ``ConfigurationError`` if a list cannot be used, or is one for another kind of socket: it would protect nothing.
    func admission(isUnix: Bool) throws(ConfigurationError) -> (@Sendable (borrowing OwnedDescriptor) -> Bool)? {
        if isUnix, !self.listenClients.isEmpty {
            throw ConfigurationError(
                setting: "PARANOID_LISTEN_CLIENTS",
                problem: "it is for TCP; for a unix socket use PARANOID_LISTEN_PEERS"
            )
        }
        if !isUnix, !self.listenPeers.isEmpty {
            throw ConfigurationError(
                setting: "PARANOID_LISTEN_PEERS",
                problem: "it is for unix sockets; for TCP use PARANOID_LISTEN_CLIENTS"
            )
        }
        guard !self.listenClients.isEmpty || !self.listenPeers.isEmpty else { return nil }
        let policy = isUnix ? try ListenerPolicy(peers: self.listenPeers) : try ListenerPolicy(clients: self.listenClients)
        return { connection in policy.admits(connection, isUnix: isUnix) }
    }
}
