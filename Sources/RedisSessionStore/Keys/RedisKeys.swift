#if Redis
internal import ParanoidSessions

/// The names of keys: the same for all processes of an application.
///
/// | key | type | what |
/// |---|---|---|
/// | `PREFIX:{SSS}:s:NAME` | string | a session; SSS: the first three digits of its name, its shard |
/// | `PREFIX:{SSS}:d:NAME` | string | a session that was set aside |
/// | `PREFIX:{SSS}:all` | sorted set | the names of a shard's sessions |
/// | `PREFIX:{TAG}:u` | set | the names of a user's sessions |
/// | `PREFIX:{TAG}:e` | string | the number below which a user's logins have ended |
/// | `PREFIX:{control}` | hash | the numbers of all: see ``ControlNumbers`` |
/// | `PREFIX:{control}:a` | hash | anonymous sessions: made, found by the last sweep, made before it |
///
/// A name is a keyed hash of the identifier and a tag one of the user's name, so no key says anything. What stands in braces chooses the slot:
/// what one script changes has the same. There are 4096 shards, so no slot grows faster than the others.
struct RedisKeys: Sendable {
    static let shardCount = 4096
    private static let digits = Array("0123456789abcdef".utf8)

    private let prefix: [UInt8]

    init(prefix: String) {
        self.prefix = Array(prefix.utf8)
    }

    private func key(_ tag: some Sequence<UInt8>, _ kind: String, _ rest: [UInt8] = []) -> [UInt8] {
        self.prefix + Array(":{".utf8) + Array(tag) + Array("}".utf8) + Array(kind.utf8) + rest
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }
    }

    func session(_ name: SessionName) -> [UInt8] {
        let digits = Self.hexadecimal(name.bytes)
        return self.key(digits.prefix(3), ":s:", digits)
    }

    func aside(_ name: SessionName) -> [UInt8] {
        let digits = Self.hexadecimal(name.bytes)
        return self.key(digits.prefix(3), ":d:", digits)
    }

    /// The names of a shard's sessions.
    func all(ofShard shard: Int) -> [UInt8] {
        self.key([Self.digits[shard >> 8 & 15], Self.digits[shard >> 4 & 15], Self.digits[shard & 15]], ":all")
    }

    func all(beside name: SessionName) -> [UInt8] { self.key(Self.hexadecimal(name.bytes.prefix(2)).prefix(3), ":all") }

    func sessions(of tag: UserTag) -> [UInt8] { self.key(Self.hexadecimal(tag.bytes), ":u") }

    func loginEpoch(of tag: UserTag) -> [UInt8] { self.key(Self.hexadecimal(tag.bytes), ":e") }

    var control: [UInt8] { self.key("control".utf8, "") }

    var anonymous: [UInt8] { self.key("control".utf8, ":a") }
}
#endif
