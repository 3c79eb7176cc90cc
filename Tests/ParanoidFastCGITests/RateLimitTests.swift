import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidLinux
import Synchronization
import Testing

@testable import ParanoidFastCGI

@Suite("Rate limits")
struct RateLimitTests {
    private final class Clock: Sendable {
        let now = Atomic<Int64>(1_000_000_000_000)
        func advance(seconds: Double) { self.now.add(Int64(seconds * 1_000_000_000), ordering: .relaxed) }
    }

    private func table() throws -> RateTable {
        RateTable(try SharedMemory(memoryFor: RateTable.byteCount / 8), machineStart: 7)
    }

    @Test("admit as many as they say, and say when there is room again")
    func window() throws {
        let table = try self.table()
        let second: Int64 = 1_000_000_000
        for _ in 0..<5 { #expect(table.take([1], limit: 5, window: 10 * second, now: 100 * second) == nil) }
        let wait = try #require(table.take([1], limit: 5, window: 10 * second, now: 100 * second))
        #expect(table.take([2], limit: 5, window: 10 * second, now: 100 * second) == nil)
        #expect(table.take([1], limit: 5, window: 10 * second, now: 100 * second + wait) == nil)
        #expect(table.take([1], limit: 5, window: 10 * second, now: 100 * second + wait) != nil)
    }

    @Test("never admit more than twice a window's number in two windows that follow each other, wherever the requests lie")
    func sliding() throws {
        let table = try self.table()
        var random = SystemRandomNumberGenerator()
        var now: Int64 = 0
        var admitted: [Int64] = []
        for _ in 0..<20_000 {
            now += Int64.random(in: 0...40, using: &random)
            if table.take([3], limit: 10, window: 1_000, now: now) == nil { admitted.append(now) }
        }
        // A window that begins at one of the fixed borders holds at most the limit.
        #expect(Dictionary(grouping: admitted, by: { $0 / 1_000 }).values.allSatisfy { $0.count <= 10 })
        // The sliding count weighs the former window as if it were even, so any window holds less than twice the limit.
        for (index, time) in admitted.enumerated() where index + 19 < admitted.count { #expect(admitted[index + 19] - time >= 1_000) }
        #expect(admitted.count > 2_000)
    }

    @Test("keep keys apart as long as there are fewer of them than an eighth of the places, but for one in a thousand")
    func keys() throws {
        // With a key of its own the hash is the same in every run.
        let page = try SharedMemory(memoryFor: RateTable.byteCount / 8)
        for (index, word) in [UInt64(7), 1, 2].enumerated() { page.store(word, at: index) }
        let table = RateTable(page, machineStart: 7)
        var early = 0
        for key in 0..<2_000 {
            let name = [UInt8(key & 0xFF), UInt8(key >> 8)]
            for _ in 0..<3 where table.take(name, limit: 3, window: 1_000, now: 500) != nil { early += 1 }
            #expect(table.take(name, limit: 3, window: 1_000, now: 500) != nil)
        }
        #expect(early <= 12)
    }

    @Test("are exact when several threads count at once")
    func concurrency() async throws {
        let table = try self.table()
        let admitted = await withTaskGroup(of: Int.self, returning: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1_000).count { _ in table.take([9], limit: 100, window: 1_000_000, now: 5) == nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 100)
    }

    @Test("forget what was counted before the machine started")
    func machineStart() throws {
        let page = try SharedMemory(memoryFor: RateTable.byteCount / 8)
        #expect(RateTable(page, machineStart: 1).take([1], limit: 1, window: 1_000, now: 5_500) == nil)
        #expect(RateTable(page, machineStart: 1).take([1], limit: 1, window: 1_000, now: 5_500) != nil)
        #expect(RateTable(page, machineStart: 2).take([1], limit: 1, window: 1_000, now: 500) == nil)
    }

    @Test("hash as the paper on SipHash does")
    func sipHash() {
        // Appendix A: the key 00 01 … 0f and the input 00 01 … 0e.
        let hash = SipHash(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
        #expect(hash.value(of: Array(0..<15)) == 0xA129_CA61_49BE_45E5)
    }

    @Test("give a client 429 and the time to wait, count its addresses of one IPv6 network together, and do not see others")
    func clients() async throws {
        let made = try SessionApplication()
        let clock = Clock()
        made.app.add(middleware: made.app.rateLimit(2, per: .seconds(60), by: nil, now: { clock.now.load(ordering: .relaxed) }))
        made.app.get("/") { _ in "page" }
        func get(_ address: String) async throws -> TestResponse {
            var client = made.client()
            client.address = address
            return try await client.get("/")
        }
        #expect(try await get("2001:db8::1").status == 200)
        #expect(try await get("2001:db8::2").status == 200)
        let refused = try await get("2001:db8::ffff")
        #expect(refused.status == 429)
        let seconds = try #require(refused.header(.retryAfter).flatMap { Int($0) })
        #expect(1...120 ~= seconds)
        #expect(try await get("2001:db8:0:1::1").status == 200)
        #expect(try await get("192.0.2.1").status == 200)
        clock.advance(seconds: Double(seconds))
        #expect(try await get("2001:db8::3").status == 200)
    }

    @Test("count by a key of the application, for a request and for less than one")
    func ownKeys() async throws {
        let made = try SessionApplication()
        let login = made.app.rateLimit(2, per: .seconds(3_600), by: { $0.query.first(named: "name") }, now: { 0 })
        made.app.group("/login", middleware: [login]).get("") { _ in "in" }
        let failures = made.app.rateLimit(1, per: .seconds(3_600), by: nil, now: { 0 })
        made.app.get("/fail") { _ in
            try failures.count("anna")
            return "counted"
        }
        var client = TestClient(made.app)
        #expect(try await client.get("/login?name=a").status == 200)
        #expect(try await client.get("/login?name=a").status == 200)
        #expect(try await client.get("/login?name=a").status == 429)
        #expect(try await client.get("/login?name=b").status == 200)
        for _ in 0..<3 { #expect(try await client.get("/login").status == 200) }
        #expect(try await client.get("/fail").status == 200)
        #expect(try await client.get("/fail").status == 429)
    }

    @Test("are in the session directory, where the next process of the application goes on counting and the sweeper does not mind them")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        for expected in [200, 429] {
            let app = try Application(configuration: ApplicationConfiguration(stateDirectory: directory.path), logger: logger)
            app.add(middleware: app.rateLimit(1, per: .seconds(3_600), by: nil, now: { 5_000_000_000 }))
            app.get("/") { _ in "page" }
            var client = TestClient(app)
            #expect(try await client.get("/").status == expected)
        }
    }
}
