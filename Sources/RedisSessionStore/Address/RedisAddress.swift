#if Redis
/// Where a Redis is that keeps sessions, and how it is spoken to.
///
/// Pure. The forms:
/// - `redis://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…][/DATABASE][?OPTIONS]`, and `rediss://` for TLS,
/// - `redis+unix:PATH[?OPTIONS]` and `redis+unix://[USER[:PASSWORD]@]/PATH[?OPTIONS]`,
///
/// with `cluster`, `sentinel=NAME`, `prefix=TEXT`, `timeout=SECONDS` and `wait=NUMBER` as options, joined by `&`.
package struct RedisAddress: Sendable, Equatable {
    /// How the nodes belong together.
    package enum Topology: Sendable, Hashable {
        /// One server.
        case single
        /// A Redis Cluster; the endpoints are some of its nodes.
        case cluster
        /// Sentinels, which know the server of this name.
        case sentinel(master: String)
    }

    /// The port of a host without one.
    package static let standardPort: UInt16 = 6379

    /// The servers that are named.
    package var endpoints: [RedisEndpoint]
    /// Whether connections are TLS.
    package var isEncrypted = false
    /// How they belong together.
    package var topology = Topology.single
    /// The number of the database; 0 in a cluster.
    package var database = 0
    /// Who the application is; `nil`: the server's default user without a password.
    package var credentials: RedisCredentials?
    /// What all keys begin with.
    package var prefix = "paranoid"
    /// How long one operation may take, its repetitions included.
    package var timeout = Duration.seconds(2)
    /// How many replicas have to have a change before it counts; 0: nobody waits for them.
    package var waitCount = 0

    /// Parses an address.
    package init(_ text: String) throws(RedisAddressError) {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ 0x21...0x7E ~= $0 }) else { throw .unprintable }
        let (main, options) = Self.halves(of: bytes[...], at: UInt8(ascii: "?"))
        if let rest = Self.rest(of: main, behind: "redis://") {
            self.endpoints = []
            try self.readHosts(rest)
        } else if let rest = Self.rest(of: main, behind: "rediss://") {
            self.endpoints = []
            self.isEncrypted = true
            try self.readHosts(rest)
        } else if let rest = Self.rest(of: main, behind: "redis+unix://") {
            let (before, path) = Self.halves(ofLast: rest, at: UInt8(ascii: "@"))
            self.endpoints = [try Self.socket(path)]
            if let before { self.credentials = try RedisCredentials(userinfo: before) }
        } else if let rest = Self.rest(of: main, behind: "redis+unix:") {
            self.endpoints = [try Self.socket(rest)]
        } else {
            throw .unknownScheme
        }
        if let options { try self.readOptions(options) }
        try self.check()
    }

    private func check() throws(RedisAddressError) {
        switch self.topology {
        case .single: guard self.endpoints.count == 1 else { throw .severalServers }
        case .cluster: guard self.database == 0 else { throw .databaseOfCluster }
        case .sentinel: break
        }
        if self.topology != .single, self.endpoints.contains(where: \.isUnix) { throw .socketOfSeveral }
    }

    // MARK: Parts

    private mutating func readHosts(_ text: ArraySlice<UInt8>) throws(RedisAddressError) {
        var (before, rest) = Self.halves(ofLast: text, at: UInt8(ascii: "@"))
        if let before { self.credentials = try RedisCredentials(userinfo: before) }
        let path: ArraySlice<UInt8>?
        (rest, path) = Self.halves(of: rest, at: UInt8(ascii: "/"))
        if let path, !path.isEmpty {
            guard let number = Self.number(path, upTo: 65_535) else { throw .badDatabase }
            self.database = number
        }
        for part in rest.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            self.endpoints.append(try RedisEndpoint(hostAndPort: part))
        }
    }

    private static func socket(_ path: ArraySlice<UInt8>) throws(RedisAddressError) -> RedisEndpoint {
        guard path.first == UInt8(ascii: "/"), path.count > 1, path.count <= 107, let text = RedisCredentials.unescaped(path) else {
            throw .badPath
        }
        return .unix(path: text)
    }

    private mutating func readOptions(_ text: ArraySlice<UInt8>) throws(RedisAddressError) {
        for option in text.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
            let (name, value) = Self.halves(of: option, at: UInt8(ascii: "="))
            let word = String(decoding: name, as: UTF8.self)
            switch (word, value) {
            case ("cluster", nil):
                guard self.topology == .single else { throw .twoTopologies }
                self.topology = .cluster
            case ("sentinel", let value?):
                guard self.topology == .single else { throw .twoTopologies }
                guard !value.isEmpty, let master = RedisCredentials.unescaped(value) else { throw .badOption(word) }
                self.topology = .sentinel(master: master)
            case ("prefix", let value?):
                guard 1...64 ~= value.count, value.allSatisfy(Self.isPrefixByte) else { throw .badOption(word) }
                self.prefix = String(decoding: value, as: UTF8.self)
            case ("timeout", let value?):
                guard let seconds = Self.number(value, upTo: 600), seconds > 0 else { throw .badOption(word) }
                self.timeout = .seconds(seconds)
            case ("wait", let value?):
                guard let count = Self.number(value, upTo: 9), count > 0 else { throw .badOption(word) }
                self.waitCount = count
            case ("cluster", _), ("sentinel", _), ("prefix", _), ("timeout", _), ("wait", _): throw .badOption(word)
            default: throw .unknownOption(word)
            }
        }
    }

    /// Letters, digits, point, colon, hyphen and underscore: no brace, as braces choose the slot.
    private static func isPrefixByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    // MARK: Bytes

    private static func rest(of text: ArraySlice<UInt8>, behind scheme: String) -> ArraySlice<UInt8>? {
        text.starts(with: scheme.utf8) ? text.dropFirst(scheme.utf8.count) : nil
    }

    private static func halves(of text: ArraySlice<UInt8>, at separator: UInt8) -> (ArraySlice<UInt8>, ArraySlice<UInt8>?) {
        guard let place = text.firstIndex(of: separator) else { return (text, nil) }
        return (text[..<place], text[(place + 1)...])
    }

    private static func halves(ofLast text: ArraySlice<UInt8>, at separator: UInt8) -> (ArraySlice<UInt8>?, ArraySlice<UInt8>) {
        guard let place = text.lastIndex(of: separator) else { return (nil, text) }
        return (text[..<place], text[(place + 1)...])
    }

    /// The number that one to six decimal digits stand for.
    static func number(_ digits: ArraySlice<UInt8>, upTo most: Int) -> Int? {
        guard 1...6 ~= digits.count else { return nil }
        var number = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number <= most ? number : nil
    }
}

/// A server's place.
package enum RedisEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A host and a port.
    case tcp(host: String, port: UInt16)
    /// A socket of this machine.
    case unix(path: String)

    var isUnix: Bool { if case .unix = self { true } else { false } }

    /// Parses `HOST`, `HOST:PORT` and `[IPV6]:PORT`.
    init(hostAndPort text: ArraySlice<UInt8>) throws(RedisAddressError) {
        var host = text
        var port: ArraySlice<UInt8>?
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { throw .badHost }
            host = text[(text.startIndex + 1)..<end]
            let behind = text[(end + 1)...]
            guard behind.isEmpty || behind.first == UInt8(ascii: ":") else { throw .badHost }
            if !behind.isEmpty { port = behind.dropFirst() }
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            host = text[..<colon]
            port = text[(colon + 1)...]
        }
        let isBracketed = text.first == UInt8(ascii: "[")
        let isAllowed: (UInt8) -> Bool = { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            case UInt8(ascii: ":"), UInt8(ascii: "%"): isBracketed
            default: false
            }
        }
        guard !host.isEmpty, host.count <= 253, host.allSatisfy(isAllowed) else { throw .badHost }
        var number = RedisAddress.standardPort
        if let port {
            guard let given = RedisAddress.number(port, upTo: 65_535), given > 0 else { throw .badPort }
            number = UInt16(given)
        }
        self = .tcp(host: String(decoding: host, as: UTF8.self), port: number)
    }

    /// The place, for a log line.
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// Why a text is no address of a Redis.
package enum RedisAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    case unprintable, unknownScheme, badHost, badPort, badPath, badDatabase, badCredentials
    case severalServers, databaseOfCluster, socketOfSeveral, twoTopologies
    case badOption(String), unknownOption(String)

    /// What is wrong, without a part of the text that may be a password.
    package var description: String {
        switch self {
        case .unprintable: "an address has printable ASCII characters only, no blanks"
        case .unknownScheme: "an address begins with redis://, rediss:// or redis+unix:"
        case .badHost: "a host is a name, an IPv4 address, or an IPv6 address in brackets"
        case .badPort: "a port is a number from 1 to 65535"
        case .badPath: "a socket is an absolute path of at most 107 bytes"
        case .badDatabase: "the path of an address is the number of a database"
        case .badCredentials: "before the @ stand USER, USER:PASSWORD or :PASSWORD, with %XX for other characters"
        case .severalServers: "several servers need ?cluster or ?sentinel=NAME"
        case .databaseOfCluster: "a cluster has database 0 only"
        case .socketOfSeveral: "?cluster and ?sentinel=NAME need hosts, not a socket"
        case .twoTopologies: "?cluster and ?sentinel=NAME exclude each other and stand once"
        case .badOption(let name):
            "the option \(name) has no such value; prefix takes 1 to 64 of A-Z a-z 0-9 . : - _, timeout 1 to 600 seconds, wait 1 to 9"
        case .unknownOption(let name): "\(name.prefix(20)) is no option; the options are cluster, sentinel, prefix, timeout and wait"
        }
    }
}
#endif
