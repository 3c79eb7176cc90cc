#if Redis
import ParanoidSessions
import Testing

@testable import RedisSessionStore

@Suite("The protocol of Redis")
struct RedisProtocolTests {
    @Test(
        "puts keys into the slots that Redis puts them into",
        // As `CLUSTER KEYSLOT` of Redis 7.0 says.
        arguments: [
            ("123456789", 12739), ("foo", 12182), ("bar", 5061), ("", 0), ("{user1000}.following", 3443), ("user1000", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015), ("{bar", 4015), ("foo{bar}{zap}", 5061),
        ]
    )
    func slots(_ key: String, _ slot: UInt16) {
        #expect(HashSlot.slot(of: Array(key.utf8)) == slot)
    }

    @Test("has the check value of CRC16/XMODEM")
    func checkValue() {
        #expect(HashSlot.checksum("123456789".utf8) == 0x31C3)
    }

    @Test("writes commands as arrays of strings, with any bytes in them")
    func encoding() {
        let command = RedisCommand("SET", key: [0, 13, 10], [[]])
        #expect(command.encoded() == Array("*3\r\n$3\r\nSET\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n".utf8))
        #expect(String(decoding: command.encoded(asking: true), as: UTF8.self).hasPrefix("*1\r\n$6\r\nASKING\r\n*3"))
    }

    @Test("calls scripts by the SHA-1 of their text, and sends the text where that is unknown")
    func scripts() {
        let script = RedisScript("return 1", .other)
        #expect(script.hash == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
        let command = RedisCommand(script, keys: [Array("k".utf8)], values: [Array("v".utf8)])
        let short = "*5\r\n$7\r\nEVALSHA\r\n$40\r\n\(script.hash)\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\nv\r\n"
        #expect(String(decoding: command.encoded(), as: UTF8.self) == short)
        let full = "*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\nv\r\n"
        #expect(String(decoding: command.encoded(inFull: true), as: UTF8.self) == full)
        #expect(Set(RedisScript.all.map(\.hash)).count == RedisScript.all.count)
    }

    private static let asked = RedisEndpoint.tcp(host: "h", port: 1)

    @Test(
        "says where a command belongs",
        arguments: [
            ("MOVED 3999 127.0.0.1:6381", Redirection.moved(slot: 3999, to: .tcp(host: "127.0.0.1", port: 6381))),
            ("MOVED 0 ::1:6381", .moved(slot: 0, to: .tcp(host: "::1", port: 6381))),
            ("MOVED 1 :6381", .moved(slot: 1, to: .tcp(host: "h", port: 6381))),
            ("MOVED 1 ?:6381", .moved(slot: 1, to: .tcp(host: "h", port: 6381))),
            ("ASK 16383 node-2.example:7000", .ask(.tcp(host: "node-2.example", port: 7000))), ("ASK 1 nowhere", .ask(nil)),
            ("TRYAGAIN Multiple keys request during rehashing of slot", .tryAgain), ("CLUSTERDOWN The cluster is down", .clusterDown),
            ("LOADING Redis is loading the dataset in memory", .notServing), ("MASTERDOWN Link with MASTER is down", .notServing),
            ("READONLY You can't write against a read only replica.", .notServing), ("NOSCRIPT No matching script.", .noScript),
        ]
    )
    func redirections(_ error: String, _ expected: Redirection) {
        #expect(Redirection(error, from: Self.asked) == expected)
    }

    @Test(
        "leaves other errors to who sent the command",
        arguments: [
            "", " ", "ERR unknown", "MOVED", "MOVED 16384 h:1", "MOVED x h:1", "ASK 1", "MOVEDX 1 h:1", "moved 1 h:1",
            "OOM command not allowed",
        ]
    )
    func others(_ error: String) {
        #expect(Redirection(error, from: Self.asked) == nil)
    }

    private static func range(_ first: Int64, _ last: Int64, _ host: RedisReply, _ port: Int64) -> RedisReply {
        .array([.integer(first), .integer(last), .array([host, .integer(port), .bytes([1])]), .array([.bytes([2]), .integer(9)])])
    }

    @Test("says which master serves which slot")
    func slotMap() throws {
        let reply = RedisReply.array([
            Self.range(0, 99, .bytes(Array("a".utf8)), 1), Self.range(100, 16_383, .null, 2), Self.range(5, 5, .bytes([]), 3),
        ])
        var map = try #require(SlotMap(reply, from: Self.asked))
        #expect(map[0] == .tcp(host: "a", port: 1))
        #expect(map[99] == .tcp(host: "a", port: 1))
        #expect(map[100] == .tcp(host: "h", port: 2))
        #expect(map[16_383] == .tcp(host: "h", port: 2))
        #expect(map[5] == .tcp(host: "h", port: 3))
        #expect(map.servedCount == 16_384)
        #expect(map.masters.count == 3)
        map[7] = .tcp(host: "new", port: 4)
        #expect(map[7] == .tcp(host: "new", port: 4))
        #expect(SlotMap()[7] == nil)
    }

    @Test("takes nothing for a map of slots that is none")
    func noSlotMap() {
        let host = RedisReply.bytes(Array("a".utf8))
        let replies: [RedisReply] = [
            .null, .error("ERR"), .array([.integer(1)]), .array([Self.range(0, 16_384, host, 1)]), .array([Self.range(9, 3, host, 1)]),
            .array([Self.range(-1, 3, host, 1)]), .array([Self.range(0, 3, host, 65_536)]), .array([.array([.integer(1), .integer(2)])]),
        ]
        for reply in replies { #expect(SlotMap(reply, from: Self.asked) == nil) }
    }

    @Test("has keys that share a slot where one script changes them, and shards that are spread")
    func keys() {
        let keys = RedisKeys(prefix: "shop")
        let name = SessionName(bytes: [0xAB, 0xCD] + [UInt8](repeating: 0x0F, count: 30))!
        let text = String(decoding: keys.session(name), as: UTF8.self)
        #expect(text == "shop:{abc}:s:abcd" + String(repeating: "0f", count: 30))
        #expect(keys.all(beside: name) == keys.all(ofShard: 0xABC))
        #expect(String(decoding: keys.all(ofShard: 0xABC), as: UTF8.self) == "shop:{abc}:all")
        #expect(Set([keys.session(name), keys.aside(name), keys.all(beside: name)].map(HashSlot.slot(of:))).count == 1)
        let slots = (0..<RedisKeys.shardCount).map { HashSlot.slot(of: keys.all(ofShard: $0)) }
        #expect(Set(slots).count > 3000)
        // Each of ten nodes with a tenth of the slots gets a tenth of the shards, give or take.
        for node in 0..<10 {
            let count = slots.count { Int($0) * 10 / HashSlot.count == node }
            #expect(300...520 ~= count)
        }
    }
}

@Suite("Trouble with a Redis")
struct RedisFailureTests {
    private func admits(_ breaker: inout CircuitBreaker, _ now: Int64) -> Bool { breaker.admits(at: now) }

    @Test("a breaker opens after three failures, lets one try when its time has passed, and closes when that succeeds")
    func breaker() {
        var breaker = CircuitBreaker()
        for _ in 0..<2 {
            breaker.failed(at: 0, random: 0)
            #expect(self.admits(&breaker, 0))
        }
        breaker.failed(at: 0, random: 0)
        #expect(breaker == .open(failures: 3, until: RetryPause.first))
        #expect(breaker.isOpen(at: RetryPause.first - 1))
        #expect(!self.admits(&breaker, RetryPause.first - 1))
        #expect(self.admits(&breaker, RetryPause.first))
        #expect(breaker == .trial(failures: 3))
        #expect(!self.admits(&breaker, RetryPause.first))
        breaker.failed(at: 7, random: 0)
        #expect(breaker == .open(failures: 4, until: 7 + 2 * RetryPause.first))
        #expect(self.admits(&breaker, .max))
        breaker.succeeded()
        #expect(breaker == .closed(failures: 0))
        #expect(self.admits(&breaker, 0))
    }

    @Test("pauses double up to the longest, and randomness takes up to the half of one")
    func pauses() {
        #expect((0..<7).map { RetryPause.nanoseconds(try: $0, random: 0) / 1_000_000 } == [50, 100, 200, 400, 500, 500, 500])
        for number in [-1, 0, 3, 10, 11, 1000, .max] {
            let whole = RetryPause.nanoseconds(try: number, random: 0)
            for random in [1, 12_345, UInt64.max / 3, .max] {
                let pause = RetryPause.nanoseconds(try: number, random: random)
                #expect(whole / 2 <= pause && pause <= whole)
            }
        }
        #expect(Set((0..<100).map { RetryPause.nanoseconds(try: 3, random: $0 &* 0x9E37_79B9_7F4A_7C15) }).count > 90)
    }

    @Test("a list of a user's sessions is renewed before it can end before a session")
    func lists() {
        let now = Timestamp(secondsSinceEpoch: 1_700_000_000)
        let expiry = Timestamp(secondsSinceEpoch: 1_700_000_100)
        let listed = UInt64(1_700_000_000_000 + KeyLifetime.ofList(expiringAt: expiry, now: now))
        #expect(!KeyLifetime.mustListAgain(listedUntil: listed, expiringAt: expiry))
        #expect(!KeyLifetime.mustListAgain(listedUntil: listed, expiringAt: expiry.advanced(by: .seconds(28 * 86_400))))
        #expect(KeyLifetime.mustListAgain(listedUntil: listed, expiringAt: expiry.advanced(by: .seconds(29 * 86_400 + 1))))
        #expect(KeyLifetime.ofSession(expiringAt: now, now: expiry) == KeyLifetime.slack)
        #expect(KeyLifetime.ofSession(expiringAt: expiry, now: now) == 100_000 + KeyLifetime.slack)
        #expect(KeyLifetime.ofSession(expiringAt: .distantFuture, now: .distantPast) > KeyLifetime.slack)
    }
}
#endif
