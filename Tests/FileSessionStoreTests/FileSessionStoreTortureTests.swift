import Glibc
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import FileSessionStore

/// What one process of the torture does, and what it writes down about it.
struct TortureProcess {
    static let counters: UInt64 = 5
    static let tasks = 4

    let directory: String
    let notes: String
    let index: Int

    /// Appends one byte to a file: a tally that survives whatever happens to the process.
    static func tally(_ file: Int32) {
        var byte: UInt8 = 1
        _ = unsafe write(file, &byte, 1)
    }

    static func openNote(_ path: String) -> Int32 {
        unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }

    /// Works until `rounds` are done or, if `lifetime` is given, until the process kills itself in the midst of its work.
    func run(rounds: Int, lifetime: UInt32?) async throws {
        if let lifetime {
            var thread = pthread_t()
            let microseconds = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
            unsafe microseconds.initialize(to: lifetime * 1000)
            _ = unsafe pthread_create(
                &thread,
                nil,
                { argument in
                    unsafe usleep(argument!.load(as: UInt32.self))
                    kill(getpid(), SIGKILL)
                    return nil
                },
                microseconds
            )
        }
        let store = try FileSessionStore(
            configuration: .init(directory: self.directory, maximumWaiters: 1000),
            logger: LogRecorder().logger,
            faults: nil
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<Self.tasks { group.addTask { try await self.work(store, task, rounds) } }
            group.addTask {
                while !Task.isCancelled {
                    // Expired are those of the mortal sessions whose turn has come.
                    _ = try await store.sweep(expiredAt: Timestamp(secondsSinceEpoch: 1_800_000_000), budget: 50)
                    try? await Task.sleep(for: .milliseconds(10))
                }
            }
            for _ in 0..<Self.tasks { try await group.next() }
            group.cancelAll()
        }
    }

    private func work(_ store: FileSessionStore, _ task: Int, _ rounds: Int) async throws {
        let tried = (0..<Self.counters).map { Self.openNote("\(self.notes)/tried.\($0)") }
        let done = (0..<Self.counters).map { Self.openNote("\(self.notes)/done.\($0)") }
        let born = Self.openNote("\(self.notes)/born.\(self.index).\(task)")
        let dead = Self.openNote("\(self.notes)/dead.\(self.index).\(task)")
        defer { for file in tried + done + [born, dead] { close(file) } }
        for round in 0..<rounds {
            // Counter 0 is hot: every second increment is its.
            let counter = round % 2 == 0 ? 0 : (round / 2 + task + self.index) % Int(Self.counters)
            Self.tally(tried[counter])
            guard try await store.increment(sessionName(UInt64(counter))) else { fatalError("a counter vanished") }
            Self.tally(done[counter])
            if round % 8 == 3 { try await self.liveAndDie(store, task, round / 8, born, dead) }
        }
    }

    /// The name of a session that one task makes and ends.
    static func mortal(_ index: Int, _ task: Int, _ number: Int) -> SessionName {
        sessionName(UInt64(1_000_000 + index * 100_000 + task * 10_000 + number))
    }

    private func liveAndDie(_ store: FileSessionStore, _ task: Int, _ number: Int, _ born: Int32, _ dead: Int32) async throws {
        let name = Self.mortal(self.index, task, number)
        Self.tally(born)
        let isForSweeper = number % 3 == 0
        let end = Timestamp(secondsSinceEpoch: isForSweeper ? 1_750_000_000 : 4_000_000_000)
        try await store.create(makeSession(encode(0), expiresAt: end), named: name)
        async let first = store.increment(name)
        async let second: Void = store.remove(name)
        _ = try await (first, second)
        guard try await store.read(name) == nil else { fatalError("a removed session came back") }
        guard try await !store.increment(name) else { fatalError("a removed session could be changed") }
        Self.tally(dead)
    }
}

@Suite("Torture", .serialized)
struct FileSessionStoreTortureTests {
    @Test("several processes, some of them killed, lose nothing, bring nothing back and leave nothing behind")
    func torture() async throws {
        let fixture = try StoreFixture()
        let notes = "\(fixture.scratch.path)/notes"
        _ = unsafe mkdir(notes, 0o700)
        let store = try fixture.makeStore()
        for counter in 0..<TortureProcess.counters { try await store.create(makeSession(encode(0)), named: sessionName(counter)) }

        await withTaskGroup(of: Void.self) { group in
            for index in 0..<3 {
                group.addTask {
                    await #expect(processExitsWith: .success) {
                        [directory = fixture.directory as String, notes = notes as String, index = index as Int] in
                        try await TortureProcess(directory: directory, notes: notes, index: index).run(rounds: 150, lifetime: nil)
                    }
                }
            }
            group.addTask {
                for index in 3..<9 {
                    await #expect(processExitsWith: .signal(SIGKILL)) {
                        [directory = fixture.directory as String, notes = notes as String, index = index as Int] in
                        let lifetime = UInt32(40 + index * 37 % 90)
                        try await TortureProcess(directory: directory, notes: notes, index: index).run(
                            rounds: 1_000_000,
                            lifetime: lifetime
                        )
                    }
                }
            }
        }

        for counter in 0..<TortureProcess.counters {
            let count = decode(try #require(try await store.payload(sessionName(counter))))
            let tried = UInt64(bytes(ofFile: "\(notes)/tried.\(counter)").count)
            let done = UInt64(bytes(ofFile: "\(notes)/done.\(counter)").count)
            // A process killed between the change and its note has made one that was not acknowledged.
            #expect(done <= count && count <= tried, "counter \(counter)")
            #expect(tried - done <= UInt64(6 * TortureProcess.tasks))
        }
        for index in 0..<9 {
            for task in 0..<TortureProcess.tasks {
                let dead = bytes(ofFile: "\(notes)/dead.\(index).\(task)").count
                #expect(index >= 3 || dead > 0)
                for number in 0..<dead { #expect(try await store.read(TortureProcess.mortal(index, task, number)) == nil) }
            }
        }
        // What the killed left: sessions they had made but not ended, and files they had not completed.
        for shard in SessionDirectory.shards {
            for file in entries(of: "\(fixture.directory)/\(shard)") { age("\(fixture.directory)/\(shard)/\(file)", by: 120) }
        }
        for index in 3..<9 {
            for task in 0..<TortureProcess.tasks {
                let born = bytes(ofFile: "\(notes)/born.\(index).\(task)").count
                if born > 0 { try await store.remove(TortureProcess.mortal(index, task, born - 1)) }
            }
        }
        while try await !store.sweep(expiredAt: Timestamp(secondsSinceEpoch: 1_800_000_000), budget: 1000).isComplete {}
        #expect(sessionFiles(below: fixture.directory).count == Int(TortureProcess.counters))
        #expect(fixture.damaged() == [])
        #expect(fixture.log.lines == [])
    }
}
