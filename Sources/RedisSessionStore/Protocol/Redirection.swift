#if Redis
/// What an error reply asks of the one who sent the command; any other error is the command's own.
enum Redirection: Sendable, Hashable {
    /// The slot is elsewhere from now on.
    case moved(slot: UInt16, to: RedisEndpoint?)
    /// The key of this one command is elsewhere, as its slot is moving.
    case ask(RedisEndpoint?)
    /// The keys of the command are on two nodes for a moment, as their slot is moving.
    case tryAgain
    /// The cluster does not serve the slot now.
    case clusterDown
    /// The node cannot serve yet or any more: it is reading its data, its master is away, or it is no master.
    case notServing
    /// The node does not know the script.
    case noScript

    /// Parses an error; `nil` when it is none of these.
    ///
    /// - Parameter asked: Where the error came from: a node that does not know its own name means it.
    init?(_ error: String, from asked: RedisEndpoint) {
        let words = error.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: true).map { Array($0) }
        guard let first = words.first else { return nil }
        switch String(decoding: first, as: UTF8.self) {
        case "MOVED":
            guard words.count == 3, let slot = RedisAddress.number(words[1][...], upTo: HashSlot.count - 1) else { return nil }
            self = .moved(slot: UInt16(slot), to: Self.endpoint(words[2], asked))
        case "ASK":
            guard words.count == 3, RedisAddress.number(words[1][...], upTo: HashSlot.count - 1) != nil else { return nil }
            self = .ask(Self.endpoint(words[2], asked))
        case "TRYAGAIN": self = .tryAgain
        case "CLUSTERDOWN": self = .clusterDown
        case "LOADING", "MASTERDOWN", "READONLY": self = .notServing
        case "NOSCRIPT": self = .noScript
        default: return nil
        }
    }

    /// `HOST:PORT`, where the last colon counts, as IPv6 addresses stand without brackets.
    private static func endpoint(_ text: [UInt8], _ asked: RedisEndpoint) -> RedisEndpoint? {
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")), let port = RedisAddress.number(text[(colon + 1)...], upTo: 65_535),
            port > 0
        else { return nil }
        return Self.endpoint(host: String(decoding: text[..<colon], as: UTF8.self), port: UInt16(port), asked)
    }

    /// A node that does not know its own name is where it was asked.
    static func endpoint(host: String, port: UInt16, _ asked: RedisEndpoint) -> RedisEndpoint? {
        if !host.isEmpty, host != "?" { return .tcp(host: host, port: port) }
        guard case .tcp(let host, _) = asked else { return nil }
        return .tcp(host: host, port: port)
    }
}
#endif
