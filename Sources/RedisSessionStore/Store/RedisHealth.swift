#if Redis
internal import ParanoidLinux
package import ParanoidSessions

/// What a server says of itself, as far as it matters for sessions.
package struct RedisHealth: Sendable, Equatable {
    /// The version, such as 7.0.15.
    package var version = ""
    /// What the server removes when it has no memory left.
    package var policy = ""
    /// Whether it writes every change to a file.
    package var isAppending = false
    /// By how much its clock is before ours, in seconds; behind it when negative.
    package var clockLead: Int64 = 0

    /// Reads the reply to `INFO`.
    init(info text: String) {
        for line in text.split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "redis_version": self.version = String(parts[1])
            case "maxmemory_policy": self.policy = String(parts[1])
            case "aof_enabled": self.isAppending = parts[1] == "1"
            default: break
            }
        }
    }

    /// The first number of the version.
    package var majorVersion: Int { self.version.split(separator: ".").first.flatMap { Int($0) } ?? 0 }
}

extension RedisSessionStore {
    /// Asks one server how it is.
    ///
    /// - Throws: ``SessionStoreError`` when it does not say.
    package func health() async throws(SessionStoreError) -> RedisHealth {
        let replies: [RedisReply]
        do throws(RedisFailure) {
            replies = try await self.client.send([RedisCommand(["INFO"]), RedisCommand(["TIME"])])
        } catch {
            throw SessionStoreError(error, "asking how it is")
        }
        guard let info = replies[0].bytes else { throw SessionStoreError(replies[0], "asking how it is") }
        guard let time = replies[1].elements?.first?.number else { throw SessionStoreError(replies[1], "asking for the time") }
        var health = RedisHealth(info: String(decoding: info, as: UTF8.self))
        health.clockLead = Int64(clamping: time) - WallClock.nanosecondsSinceEpoch() / 1_000_000_000
        return health
    }
}
#endif
