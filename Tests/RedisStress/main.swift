// Changes one session over and over; the tests of the store in Redis start and kill several of these. And fills a store.
//
//     redis-stress ADDRESS NAME COUNT
//     redis-stress fill ADDRESS COUNT BYTES SHARDS [users]
//
// Counts the session's payload (8 bytes) up, and writes a byte for each change that the store has acknowledged.
//
// `fill` makes COUNT sessions with payloads of BYTES, each with a user of its own where `users` is given, with names of the first SHARDS of
// 4096 shards only: as many names are together then as in a store with 4096 / SHARDS times as many sessions.
#if Redis
import Glibc
import ParanoidSessions
import RedisSessionStore

func fill(_ address: RedisAddress, count: Int, bytes: Int, shards: Int, hasUsers: Bool) async throws {
    let store = try RedisSessionStore(.init(address: address))
    let epoch = try await store.epoch()
    let payload = (0..<bytes).map { _ in UInt8.random(in: .min ... .max) }
    let handle = SessionHandle("0123456789abcdef")!
    func make(_ number: Int) async throws {
        var name = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        let shard = number % shards
        (name[0], name[1]) = (UInt8(shard >> 4), UInt8(shard & 15) << 4 | name[1] & 15)
        let session = StoredSession(
            protection: .sealed,
            secretNumber: 1,
            handle: handle,
            epoch: epoch,
            generation: 1,
            createdAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
            writtenAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
            expiresAt: Timestamp(secondsSinceEpoch: 4_000_000_000),
            userTag: hasUsers ? UserTag(bytes: (0..<16).map { _ in UInt8.random(in: .min ... .max) }) : nil,
            payload: payload
        )
        try await store.create(session, named: SessionName(bytes: name)!)
    }
    let tasks = 64
    try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<tasks {
            group.addTask { for number in stride(from: task, to: count, by: tasks) { try await make(number) } }
        }
        try await group.waitForAll()
    }
}

let words = CommandLine.arguments
if 6...7 ~= words.count, words[1] == "fill", let count = Int(words[3]), let bytes = Int(words[4]), let shards = Int(words[5]),
    1...4096 ~= shards
{
    try await fill(try RedisAddress(words[2]), count: count, bytes: bytes, shards: shards, hasUsers: words.last == "users")
    exit(0)
}
guard words.count == 4, let name = SessionName(hexadecimal: Array(words[2].utf8)), let count = Int(words[3]) else {
    print("usage: redis-stress ADDRESS NAME COUNT, or redis-stress fill ADDRESS COUNT BYTES SHARDS [users]")
    exit(2)
}
let store = try RedisSessionStore(.init(address: RedisAddress(words[1])))
for _ in 0..<count {
    let isDone = try await store.modify(name, timeout: .seconds(600)) { current in
        guard var next = current else { return (.keep, false) }
        let number = next.payload.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } + 1
        next.payload = (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
        next.generation += 1
        return (.write(next), true)
    }
    guard isDone else { exit(3) }
    var byte: UInt8 = 43
    guard unsafe write(1, &byte, 1) == 1 else { exit(4) }
}
#endif
