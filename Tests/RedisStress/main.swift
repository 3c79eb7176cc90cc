// Changes one session over and over; the tests of the store in Redis start and kill several of these.
//
//     redis-stress ADDRESS NAME COUNT
//
// Counts the session's payload (8 bytes) up, and writes a byte for each change that the store has acknowledged.
#if Redis
import Glibc
import ParanoidSessions
import RedisSessionStore

let words = CommandLine.arguments
guard words.count == 4, let name = SessionName(hexadecimal: Array(words[2].utf8)), let count = Int(words[3]) else {
    print("usage: redis-stress ADDRESS NAME COUNT")
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
