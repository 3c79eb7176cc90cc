#if Redis
import Glibc
import ParanoidLinux
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@testable import RedisSessionStore

/// The engine, driven by the test, so that no reply is late unless a test wants that.
@Suite("Commands that wait", .serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"), .timeLimit(.minutes(10)))
struct RedisEngineTests {
    private static let hour: Int64 = 3_600_000_000_000

    private final class Outcomes: Sendable {
        /// Reported to the engine with each result, so that it does not wait on.
        let wakeup: EventFD
        private let kept = Mutex<(results: [Int: Result<RedisAnswer, RedisFailure>], opened: Int, retried: Int)>(([:], 0, 0))

        init() throws {
            self.wakeup = try EventFD()
        }

        func note(_ number: Int, _ result: Result<RedisAnswer, RedisFailure>) {
            self.kept.withLock { $0.results[number] = result }
            self.wakeup.signal()
        }
        func note(_ event: RedisEvent) {
            self.kept.withLock { kept in
                switch event {
                case .breakerOpened: kept.opened += 1
                case .retried: kept.retried += 1
                default: break
                }
            }
        }
        subscript(number: Int) -> Result<RedisAnswer, RedisFailure>? { self.kept.withLock { $0.results[number] } }
        var count: Int { self.kept.withLock { $0.results.count } }
        var opened: Int { self.kept.withLock { $0.opened } }
        var retried: Int { self.kept.withLock { $0.retried } }
    }

    private func makeEngine(_ address: String, _ outcomes: Outcomes) throws -> RedisEngine {
        try RedisEngine(RedisAddress(address), wakeup: outcomes.wakeup.descriptor.number, stepTime: Self.hour) { outcomes.note($0) }
    }

    /// A server that takes connections and says nothing.
    private func makeSilentServer() async throws -> RedisServer {
        let server = try await RedisServer(port: try FreePorts.find(1)[0])
        server.signal(SIGSTOP)
        return server
    }

    private func submit(
        _ command: RedisCommand,
        as number: Int,
        within time: Int64 = RedisEngineTests.hour,
        to engine: RedisEngine,
        _ outcomes: Outcomes
    ) {
        engine.submit(.init(command: command, deadline: BootClock.now() + time) { outcomes.note(number, $0) })
    }

    /// Holds no thread for long, as other tests need one.
    private func turn(_ engine: RedisEngine, _ outcomes: Outcomes, until isDone: () -> Bool) async {
        while !isDone() {
            engine.schedule(after: 2_000_000) {}
            if engine.turn() { outcomes.wakeup.consume() }
            await Task.yield()
        }
    }

    @Test("an operation without time left leaves its connection to those behind it")
    func deadline() async throws {
        let server = try await RedisServer()
        let outcomes = try Outcomes()
        let engine = try self.makeEngine(server.address, outcomes)
        let key = Array("list".utf8)
        // There is a connection, so that what is submitted is sent at once.
        self.submit(RedisCommand("GET", key: Array("text".utf8)), as: -1, to: engine, outcomes)
        await self.turn(engine, outcomes) { outcomes[-1] != nil }
        var number = 0
        var time: Int64 = 1_000_000
        while true {
            self.submit(RedisCommand("BLPOP", key: key, [Array("0".utf8)]), as: number, within: time, to: engine, outcomes)
            self.submit(RedisCommand("GET", key: Array("text".utf8)), as: number + 1, to: engine, outcomes)
            await self.turn(engine, outcomes) { outcomes[number] != nil }
            guard case .failure(let failure) = outcomes[number] else { throw TestFailure("nobody has pushed anything") }
            if failure.mayHaveHappened { break }
            // Its time was over before it was sent.
            number += 2
            time *= 2
        }
        #expect(outcomes[number + 1] == nil)
        try await eventually("the server has got the command that waits") {
            try await server.reply("INFO", "clients").bytes.map { String(decoding: $0, as: UTF8.self) }?.contains("blocked_clients:1")
                == true
        }
        _ = try await server.client().send(RedisCommand("RPUSH", key: key, [Array("x".utf8)]))
        await self.turn(engine, outcomes) { outcomes[number + 1] != nil }
        #expect(try outcomes[number + 1]?.get().reply == .null)
        #expect(outcomes.retried == 0)
        engine.stop()
    }

    @Test("what waits for a connection ends at its deadline and is not sent afterwards")
    func lateConnection() async throws {
        let server = try await self.makeSilentServer()
        let outcomes = try Outcomes()
        let engine = try self.makeEngine("redis://127.0.0.1:\(server.port ?? 0)", outcomes)
        let key = Array("late".utf8)
        self.submit(RedisCommand("SET", key: key, [Array("x".utf8)]), as: 0, within: 1_000_000, to: engine, outcomes)
        self.submit(RedisCommand("GET", key: key), as: 1, to: engine, outcomes)
        await self.turn(engine, outcomes) { outcomes[0] != nil }
        server.signal(SIGCONT)
        await self.turn(engine, outcomes) { outcomes[1] != nil }
        #expect(throws: RedisFailure.self) { try outcomes[0]?.get() }
        #expect(try outcomes[1]?.get().reply == .null)
        engine.stop()
    }

    @Test("a change that waits while all connections wait for replicas ends at its deadline and was not sent")
    func lateInLine() async throws {
        let server = try await self.makeSilentServer()
        let outcomes = try Outcomes()
        let engine = try self.makeEngine("redis://127.0.0.1:\(server.port ?? 0)?wait=1", outcomes)
        func change(_ number: Int) -> RedisCommand {
            RedisCommand(.raiseUser, keys: [Array("p:{\(number)}:e".utf8)], values: [Array("7".utf8)])
        }
        for number in 0..<4 { self.submit(change(number), as: number, to: engine, outcomes) }
        self.submit(change(4), as: 4, within: 1_000_000, to: engine, outcomes)
        await self.turn(engine, outcomes) { outcomes[4] != nil }
        guard case .failure(.away) = outcomes[4] else { throw TestFailure("\(String(describing: outcomes[4]))") }
        server.signal(SIGCONT)
        await self.turn(engine, outcomes) { outcomes.retried >= 4 }
        #expect(try await server.reply("GET", "p:{3}:e").number == 7)
        #expect(try await server.reply("GET", "p:{4}:e") == .null)
        engine.stop()
    }

    @Test("a line of changes gives out none whose time is over, though nobody has told the caller yet")
    func lineOfLate() throws {
        let outcomes = try Outcomes()
        let line = RedisEngine.WaitingLine(connections: 1...1)
        for (number, deadline) in [Int64(50), 100].enumerated() {
            let command = RedisCommand(.raiseUser, keys: [[1]], values: [[7]])
            line.add(.init(.init(command: command, deadline: deadline) { outcomes.note(number, $0) }), asking: false)
        }
        #expect(line.next(atMost: 10, at: 50)?.changes.map(\.operation.submission.deadline) == [100])
        #expect(outcomes.count == 1)
        guard case .failure(.away) = outcomes[0] else { throw TestFailure("\(String(describing: outcomes[0]))") }
    }

    @Test("commands that are done leave no timers behind")
    func timers() async throws {
        let outcomes = try Outcomes()
        let engine = try self.makeEngine(try await RedisServer.shared.get().address, outcomes)
        for number in 0..<1000 {
            self.submit(RedisCommand(["PING"]), as: number, within: Self.hour / 2, to: engine, outcomes)
            if number % 20 == 0 { await self.turn(engine, outcomes) { outcomes.count == number + 1 } }
        }
        #expect(engine.timers.count < 300)
        engine.stop()
    }

    @Test("timers come in the order in which they are due, and those of one time in the order in which they were added")
    func timerOrder() {
        var queue = TimerQueue<Int> { $0 < 0 }
        let dues = (0..<5000).map { Int64(($0 * 7919) % 1000) }
        for (job, due) in dues.enumerated() { queue.add(job % 3 == 0 ? -1 : job, due: due) }
        let expected = dues.indices.filter { $0 % 3 != 0 }.sorted { (dues[$0], $0) < (dues[$1], $1) }
        #expect(queue.due() == dues[expected[0]])
        let split = expected.filter { dues[$0] <= 500 }.count
        var taken: [Int] = []
        while let job = queue.take(dueAt: 500) { taken.append(job) }
        #expect(taken == Array(expected[..<split]))
        while let job = queue.take(dueAt: .max) { taken.append(job) }
        #expect(taken == expected)
        #expect(queue.due() == nil && queue.count == 0)
    }

    @Test("a command for a cluster whose nodes do not answer ends at its deadline")
    func unknownSlots() async throws {
        let silent = try await self.makeSilentServer()
        let outcomes = try Outcomes()
        let engine = try self.makeEngine("redis://127.0.0.1:\(silent.port ?? 0)?cluster", outcomes)
        self.submit(RedisCommand("GET", key: Array("text".utf8)), as: 0, within: 1_000_000, to: engine, outcomes)
        await self.turn(engine, outcomes) { outcomes[0] != nil }
        guard case .failure(.away) = outcomes[0] else { throw TestFailure("\(String(describing: outcomes[0]))") }
        engine.stop()
    }

    @Test("a node that is cut off from its cluster and says what was is not believed again")
    func cutOff() async throws {
        let cluster = try await RedisCluster.shared.get()
        // It serves nothing, as a slot is missing, and says that all others are its own.
        let ports = try FreePorts.find(2)
        let alone = try await RedisServer(port: ports[0], ["--cluster-enabled", "yes", "--cluster-port", "\(ports[1])"])
        #expect(try await alone.reply("CLUSTER", "ADDSLOTSRANGE", "0", "16382") == .status("OK"))
        let outcomes = try Outcomes()
        let hosts = ([ports[0], ports[0]] + cluster.ports).map { "127.0.0.1:\($0)" }.joined(separator: ",")
        let engine = try self.makeEngine("redis://\(hosts)?cluster", outcomes)
        self.submit(RedisCommand("GET", key: Array("text".utf8)), as: 0, to: engine, outcomes)
        await self.turn(engine, outcomes) { outcomes[0] != nil }
        #expect(try outcomes[0]?.get().reply == .null)
        #expect(outcomes.retried > 0)
        engine.stop()
    }

    @Test("changes that wait for replicas together wait once, and a node without replicas holds no connection up")
    func together() async throws {
        let ports = try FreePorts.find(2)
        let master = try await RedisServer(port: ports[0], ["--repl-diskless-sync-delay", "0"])
        let outcomes = try Outcomes()
        let engine = try self.makeEngine("\(master.address)?wait=1", outcomes)
        let count = 100
        for number in 0..<count {
            let key = Array("p:{\(number % 7)}:e".utf8)
            self.submit(RedisCommand(.raiseUser, keys: [key], values: [Array("\(number)".utf8)]), as: number, to: engine, outcomes)
        }
        // All have been made once, none counts, and each has begun to wait again.
        await self.turn(engine, outcomes) { outcomes.retried >= 2 * count }
        #expect(outcomes.count == 0)
        let text = String(decoding: try await master.reply("INFO", "commandstats").bytes ?? [], as: UTF8.self)
        let waits = text.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_wait:calls=") }?.dropFirst(19).prefix { $0 != "," }
        #expect(try #require(waits.flatMap { Int($0) }) < count)
        let replica = try await RedisServer(port: ports[1], ["--replicaof", "127.0.0.1 \(ports[0])"])
        await self.turn(engine, outcomes) { outcomes.count == count }
        for number in 0..<count { #expect(try outcomes[number]?.get().reply == .integer(1)) }
        #expect(outcomes.opened == 0)
        #expect(try await replica.reply("GET", "p:{1}:e").number == 99)
        engine.stop()
    }
}
#endif
