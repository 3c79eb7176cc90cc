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

    /// A key in one buffer: who asks for a session makes one for each request.
    private func key(_ tag: (inout [UInt8]) -> Void, _ kind: String, _ rest: [UInt8] = []) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(self.prefix.count + 2 * rest.count + 48)
        key.append(contentsOf: self.prefix)
        key.append(contentsOf: ":{".utf8)
        tag(&key)
        key.append(UInt8(ascii: "}"))
        key.append(contentsOf: kind.utf8)
        Self.append(rest, to: &key)
        return key
    }

    /// Appends the hexadecimal digits of bytes.
    private static func append(_ bytes: [UInt8], to key: inout [UInt8]) {
        for byte in bytes {
            key.append(self.digits[Int(byte >> 4)])
            key.append(self.digits[Int(byte & 15)])
        }
    }

    private static func append(shard: Int, to key: inout [UInt8]) {
        for place in [8, 4, 0] { key.append(self.digits[shard >> place & 15]) }
    }

    private func key(beside name: SessionName, _ kind: String, hasName: Bool = true) -> [UInt8] {
        let bytes = name.bytes
        let shard = Int(bytes[0]) << 4 | Int(bytes[1] >> 4)
        return self.key({ Self.append(shard: shard, to: &$0) }, kind, hasName ? bytes : [])
    }

    func session(_ name: SessionName) -> [UInt8] { self.key(beside: name, ":s:") }

    func aside(_ name: SessionName) -> [UInt8] { self.key(beside: name, ":d:") }

    /// The names of a shard's sessions.
    func all(ofShard shard: Int) -> [UInt8] { self.key({ Self.append(shard: shard, to: &$0) }, ":all") }

    func all(beside name: SessionName) -> [UInt8] { self.key(beside: name, ":all", hasName: false) }

    func sessions(of tag: UserTag) -> [UInt8] { self.key({ Self.append(tag.bytes, to: &$0) }, ":u") }

    func loginEpoch(of tag: UserTag) -> [UInt8] { self.key({ Self.append(tag.bytes, to: &$0) }, ":e") }

    var control: [UInt8] { self.key({ $0.append(contentsOf: "control".utf8) }, "") }

    var anonymous: [UInt8] { self.key({ $0.append(contentsOf: "control".utf8) }, ":a") }
}
#endif
