import Glibc
import ParanoidLinux
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import Testing

@testable import FileSessionStore

/// What is done while something goes wrong.
enum Operation: String, Sendable, Codable, CaseIterable {
    case create
    case logIn
    case change
    case grow
    case end
    case remove
    case quarantine
    case sweep

    /// Works on session 1, which is there in generation 2 with payload `[2]` but for `create`.
    func perform(in store: FileSessionStore) async throws(SessionStoreError) {
        let name = sessionName(1)
        switch self {
        case .create: try await store.create(makeSession([1]), named: name)
        case .logIn:
            try await store.modify(name, timeout: .seconds(600)) { current in
                guard let current else { return (.keep, ()) }
                var next = makeSession([3], generation: current.generation + 1)
                next.userTag = UserTag(bytes: [UInt8](repeating: 0xAB, count: 16))
                return (.write(next), ())
            }
        case .change: try await store.change(name, to: [3])
        case .grow: try await store.change(name, to: [UInt8](repeating: 3, count: 3000))
        case .end: try await store.change(name, to: [3], state: .ended)
        case .remove: try await store.remove(name)
        case .quarantine: try await store.quarantine(name, generation: 2)
        case .sweep:
            var isComplete = false
            while !isComplete { isComplete = try await store.sweep(expiredAt: .distantFuture, budget: 1000).isComplete }
        }
    }

    func prepare(_ store: FileSessionStore) async throws {
        if self == .create { return }
        try await store.create(makeSession([1]), named: sessionName(1))
        try await store.change(sessionName(1), to: [2])
    }

    /// The steps whose failure makes the operation fail; after the others what was asked for has happened all the same.
    var steps: Set<FileStep> {
        switch self {
        case .create: [.createFile, .writeFirst, .synchronize]
        case .change, .end: [.lock, .read, .write, .synchronize]
        case .logIn: [.lock, .read, .index, .write, .synchronize]
        case .grow: [.lock, .read, .grow, .synchronize]
        case .remove, .quarantine: [.lock, .read, .mark, .synchronize]
        case .sweep: [.read, .mark, .synchronize]
        }
    }

    /// Whether a payload is what may be there before or after the operation.
    func isBefore(_ payload: [UInt8]?) -> Bool { payload == (self == .create ? nil : [2]) }
    func isAfter(_ payload: [UInt8]?) -> Bool {
        switch self {
        case .create: payload == [1]
        case .change, .end, .logIn: payload == [3]
        case .grow: payload == [UInt8](repeating: 3, count: 3000)
        case .remove, .quarantine, .sweep: payload == nil
        }
    }
}

/// Fails or ends the process at one step, once armed.
final class Trap: Sendable {
    let isArmed = Atomic(false)
    func faults(at step: FileStep, _ error: SystemCallError?) -> FileFaults {
        FileFaults { [self] (current) throws(SystemCallError) in
            guard current == step, self.isArmed.load(ordering: .relaxed) else { return }
            guard let error else {
                kill(getpid(), SIGKILL)
                return
            }
            throw error
        }
    }
}

@Suite("When something goes wrong")
struct FileSessionStoreFaultTests {
    @Test("death at any step leaves the old or the new state", arguments: Operation.allCases)
    func death(_ operation: Operation) async throws {
        for (number, step) in FileStep.allCases.enumerated() {
            let fixture = try StoreFixture(durability: .power)
            try await operation.prepare(fixture.makeStore())
            // The child dies at the step, or succeeds if it never comes to it.
            _ = await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = fixture.directory as String, number = number as Int, operation = operation as Operation] in
                let trap = Trap()
                let store = try FileSessionStore(
                    configuration: .init(directory: path, durability: .power),
                    logger: LogRecorder().logger,
                    faults: trap.faults(at: FileStep.allCases[number], nil)
                )
                trap.isArmed.store(true, ordering: .relaxed)
                try await operation.perform(in: store)
                kill(getpid(), SIGKILL)
            }
            let store = try fixture.makeStore()
            let payload = try await store.payload(sessionName(1))
            #expect(operation.isBefore(payload) || operation.isAfter(payload), "\(step): \(payload ?? [])")
            // Nothing stands in the way of what comes next.
            if payload != nil {
                #expect(try await store.change(sessionName(1), to: [4]))
                #expect(try await fixture.makeStore().payload(sessionName(1)) == [4])
                try await store.remove(sessionName(1))
            }
            for file in sessionFiles(below: fixture.directory) {
                age("\(fixture.path(of: sessionName(1)).dropLast(64))\(file)", by: 120)
            }
            while try await !store.sweep(expiredAt: .distantFuture, budget: 1000).isComplete {}
            #expect(sessionFiles(below: fixture.directory) == [], "\(step)")
            try await store.create(makeSession([8]), named: sessionName(1))
            #expect(fixture.damaged().count <= (operation == .quarantine ? 1 : 0), "\(step)")
        }
    }

    @Test("an error at any step is reported as what it is, and nothing changed", arguments: Operation.allCases)
    func errors(_ operation: Operation) async throws {
        for step in FileStep.allCases {
            for (error, expected) in [(SystemCallError.noSpace, SessionStoreError.Code.full), (.inputOutput, .unavailable)] {
                let fixture = try StoreFixture(durability: .power)
                try await operation.prepare(fixture.makeStore())
                let worker = try fixture.makeStore()
                _ = try await worker.read(sessionName(1))
                let trap = Trap()
                let store = try fixture.makeStore(faults: trap.faults(at: step, error))
                trap.isArmed.store(true, ordering: .relaxed)
                let found = await code { try await operation.perform(in: store) }
                trap.isArmed.store(false, ordering: .relaxed)
                #expect((found != nil) == operation.steps.contains(step), "\(step)")
                for store in [store, worker] {
                    let payload = try await store.payload(sessionName(1))
                    if found == nil {
                        #expect(operation.isAfter(payload), "\(step): \(payload ?? [])")
                    } else {
                        #expect(found == expected, "\(step)")
                        #expect(operation.isBefore(payload), "\(step): \(payload ?? [])")
                    }
                }
                // It passes as soon as the cause is gone.
                if found != nil {
                    try await operation.perform(in: store)
                    // A sweep goes on behind the file that made it stop.
                    if operation == .sweep { try await operation.perform(in: store) }
                    #expect(try await operation.isAfter(worker.payload(sessionName(1))), "\(step)")
                }
            }
        }
    }

    /// How a commit's `pwrite(2)` ends when it was half done.
    enum HalfWrite: String, Sendable, CaseIterable {
        case inputOutput
        case noSpace
        case death
    }

    @Test("a commit's pwrite that writes a part and fails, or dies, leaves the old state", arguments: HalfWrite.allCases)
    func halfWrite(_ end: HalfWrite) async throws {
        for (grows, steps) in [(false, [FileStep.write]), (true, [.grow])] {
            for part in [1, 8, 95, 96, 100, 150] {
                let fixture = try StoreFixture()
                let name = sessionName(1)
                let worker = try fixture.makeStore()
                try await worker.create(makeSession([1]), named: name)
                try await worker.change(name, to: [2])
                let payload = [UInt8](repeating: 3, count: grows ? 3000 : 100)
                let layout = grows ? SlotLayout(level: 1) : SlotLayout.first
                // Generation 3 goes into the slot that generation 1 was in, or into the first of the next pair.
                let slot = SessionSlots.encode(makeSession(payload, generation: 3), name: name.prefix, layout: layout, index: 0)
                let path = fixture.path(of: name)
                let trap = FileFaults { (step) throws(SystemCallError) in
                    guard steps.contains(step) else { return }
                    overwrite(path, with: Array(slot.prefix(part)), at: layout.offset)
                    switch end {
                    case .inputOutput: throw .inputOutput
                    case .noSpace: throw .noSpace
                    case .death: return
                    }
                }
                if end == .death {
                    // Dead processes mend nothing: the bytes are there, and nobody has erased them.
                    overwrite(path, with: Array(slot.prefix(part)), at: layout.offset)
                } else {
                    let store = try fixture.makeStore(faults: trap)
                    #expect(await code { try await store.change(name, to: payload) } == (end == .noSpace ? .full : .unavailable))
                    #expect(try await store.payload(name) == [2], "\(part) bytes")
                }
                for store in [worker, try fixture.makeStore()] { #expect(try await store.payload(name) == [2], "\(part) bytes") }
                #expect(try await worker.change(name, to: payload))
                #expect(try await fixture.makeStore().payload(name) == payload)
                #expect(fixture.damaged() == [])
            }
        }
    }

    @Test("a process without descriptors closes session files, and says so when there are none to close")
    func descriptors() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        for number in 0..<40 { try await store.create(makeSession([UInt8(number)]), named: sessionName(UInt64(number))) }
        await #expect(processExitsWith: .success) { [path = fixture.directory as String] in
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            _ = unsafe setrlimit(__rlimit_resource_t(7), &limit)
            let store = try FileSessionStore(configuration: .init(directory: path, maximumOpenFiles: 1000), logger: LogRecorder().logger)
            func fill() -> [Int32] {
                var taken: [Int32] = []
                while true {
                    let number = dup(0)
                    if number < 0 { return taken }
                    taken.append(number)
                }
            }
            for number in 0..<16 { _ = try await store.read(sessionName(UInt64(number))) }
            var taken = fill()
            for number in 16..<40 { #expect(try await store.payload(sessionName(UInt64(number))) == [UInt8(number)]) }
            try await store.create(makeSession([1]), named: sessionName(100))
            while store.files.cache.shed() {}
            taken += fill()
            #expect(await code { _ = try await store.read(sessionName(1)) } == .unavailable)
            #expect(await code { try await store.create(makeSession([1]), named: sessionName(101)) } == .unavailable)
            for number in taken { close(number) }
            #expect(try await store.payload(sessionName(1)) == [1])
            try await store.create(makeSession([1]), named: sessionName(101))
        }
    }
}

/// A file system of its own, where the tests may mount one.
final class SmallFileSystem {
    static let isAvailable: Bool = geteuid() == 0 && (try? SmallFileSystem(options: "size=64k")) != nil

    let path: String
    private let parent: StoreFixture

    init(options: String) throws {
        self.parent = try StoreFixture()
        self.path = "\(self.parent.scratch.path)/mount"
        _ = unsafe mkdir(self.path, 0o700)
        guard run("mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path) == 0 else { throw SystemCallError.inputOutput }
    }

    func remount(_ options: String) -> Bool { run("mount", "-o", "remount,\(options)", self.path) == 0 }

    deinit { run("umount", "-l", self.path) }
}

@Suite("On a small file system", .enabled(if: SmallFileSystem.isAvailable, "needs the right to mount a tmpfs"))
struct SmallFileSystemTests {
    @Test("a full disk is reported, changes that need no more space succeed, and all recovers")
    func fullDisk() async throws {
        let disk = try SmallFileSystem(options: "size=128k")
        let fixture = try StoreFixture(in: disk.path)
        let store = try fixture.makeStore()
        var stored: [SessionName] = []
        var found: SessionStoreError.Code?
        for number in 0..<1000 where found == nil {
            let name = sessionName(UInt64(number))
            found = await code { try await store.create(makeSession([1]), named: name) }
            if found == nil { stored.append(name) }
        }
        #expect(found == .full)
        #expect(stored.count > 2)
        for name in stored {
            #expect(try await store.change(name, to: [UInt8](repeating: 2, count: 1500)))
            #expect(await code { try await store.change(name, to: [UInt8](repeating: 3, count: 5000)) } == .full)
            #expect(try await fixture.makeStore().payload(name) == [UInt8](repeating: 2, count: 1500))
            #expect(try await store.change(name, to: [4]))
        }
        #expect(sessionFiles(below: fixture.directory).count == stored.count)
        for name in stored.dropFirst() { try await store.remove(name) }
        #expect(try await store.change(stored[0], to: [UInt8](repeating: 3, count: 5000)))
        try await store.create(makeSession([1]), named: sessionName(5000))
    }

    @Test("a file system without inodes is reported as full")
    func fullInodes() async throws {
        let disk = try SmallFileSystem(options: "size=1m,nr_inodes=20")
        let fixture = try StoreFixture(in: disk.path)
        let store = try fixture.makeStore()
        var found: SessionStoreError.Code?
        for number in 0..<30 where found == nil {
            found = await code { try await store.create(makeSession([1]), named: sessionName(UInt64(number))) }
        }
        #expect(found == .full)
        try await store.remove(sessionName(0))
        // A process that another test starts holds a copy of our descriptors until it executes its program, and with them the inode.
        for _ in 0..<1000 where found == .full {
            found = await code { try await store.create(makeSession([1]), named: sessionName(0)) }
            if found == .full { try await Task.sleep(for: .milliseconds(10)) }
        }
        #expect(found == nil)
    }

    @Test("a read-only file system is read, changes are refused, and all recovers")
    func readOnly() async throws {
        let disk = try SmallFileSystem(options: "size=1m")
        let fixture = try StoreFixture(in: disk.path)
        do {
            let store = try fixture.makeStore()
            try await store.create(makeSession([1]), named: sessionName(1))
        }
        #expect(disk.remount("ro"))
        let store = try fixture.makeStore()
        #expect(try await store.payload(sessionName(1)) == [1])
        #expect(await code { try await store.change(sessionName(1), to: [2]) } == .unavailable)
        #expect(await code { try await store.create(makeSession([1]), named: sessionName(2)) } == .unavailable)
        #expect(await code { try await store.remove(sessionName(1)) } == .unavailable)
        #expect(try await store.payload(sessionName(1)) == [1])
        #expect(disk.remount("rw"))
        #expect(try await store.change(sessionName(1), to: [2]))
        try await store.create(makeSession([1]), named: sessionName(2))
    }
}
