#if Redis
/// The rights in Redis that the store needs, and no others.
package enum RedisAccess {
    /// Commands of the store, and those that its scripts run.
    static let commands = [
        "asking", "cluster|slots", "del", "eval", "evalsha", "get", "getrange", "hget", "hgetall", "hincrby", "hmget", "hset", "info",
        "pexpire",
        "ping", "pttl",
        "rename", "sadd", "select", "set", "smembers", "srem", "time", "wait", "zadd", "zcard", "zrange", "zrem",
    ]

    /// The words of the command that makes a user, without the password.
    ///
    /// - Parameter user: Letters, digits, point, hyphen and underscore; `nil` is returned for anything else.
    package static func rule(user: String, prefix: String) -> [String]? {
        let isAllowed: (UInt8) -> Bool = { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard !user.isEmpty, user.utf8.allSatisfy(isAllowed) else { return nil }
        return ["ACL", "SETUSER", user, "reset", "on", "~\(prefix):*", "-@all"] + self.commands.map { "+\($0)" }
    }
}
#endif
