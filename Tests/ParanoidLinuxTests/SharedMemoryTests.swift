import Glibc
import ParanoidLinux
import Testing

@Suite("Shared memory behind a file")
struct SharedMemoryTests {
    private func withDirectory(_ body: (borrowing SecureDirectory, String) throws -> Void) throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        try body(SecureDirectory.openOrCreate(path), path)
    }

    private func blocks(_ path: String) -> Int {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 ? Int(facts.st_blocks) : -1
    }

    @Test(
        "takes its room on the disk before it is mapped, so that a full disk cannot end the process",
        arguments: [0, SharedMemory.byteCount]
    )
    func room(size: Int) throws {
        try self.withDirectory { directory, path in
            let file = try directory.createFile("control")
            // A file of the right length without a block is what a start on a full disk leaves.
            try file.truncate(to: size)
            #expect(self.blocks("\(path)/control") == 0)
            let memory = try SharedMemory(mapping: file)
            #expect(self.blocks("\(path)/control") * 512 >= SharedMemory.byteCount)
            #expect(try file.status().size == SharedMemory.byteCount)
            memory.store(7, at: 511)
            #expect(memory.load(511) == 7)
        }
    }

    @Test("refuses a file of another length and leaves it as it is")
    func otherLength() throws {
        try self.withDirectory { directory, _ in
            let file = try directory.createFile("control")
            try file.truncate(to: 100)
            #expect(throws: SystemCallError.self) { _ = try SharedMemory(mapping: file) }
            #expect(try file.status().size == 100)
        }
    }

    @Test("notices that its file was removed, or that another has its name")
    func removal() throws {
        try self.withDirectory { directory, _ in
            let memory = try SharedMemory(mapping: directory.createFile("control"))
            #expect(memory.isStillLinked)
            try directory.removeFile("control")
            #expect(!memory.isStillLinked)
            let next = try SharedMemory(mapping: directory.createFile("control"))
            #expect(next.isStillLinked && !memory.isStillLinked)
        }
    }

    @Test("copies bytes into the file, and leaves those before and behind them")
    func copies() throws {
        try self.withDirectory { directory, path in
            let memory = try SharedMemory(mapping: directory.createFile("control"))
            var expected = [UInt8](repeating: 0xEE, count: SharedMemory.byteCount)
            for index in 0..<memory.wordCount { memory.store(0xEEEE_EEEE_EEEE_EEEE, at: index) }
            for (place, count) in [(0, 1), (8, 7), (16, 8), (32, 9), (2048, 500), (SharedMemory.byteCount - 8, 8)] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 + place) }
                memory.write(unsafe bytes.span.bytes, at: place)
                expected.replaceSubrange(place..<place + count, with: bytes)
            }
            let file = try #require(try directory.openFile("control"))
            var found = [UInt8](repeating: 0, count: SharedMemory.byteCount)
            #expect(try unsafe found.withUnsafeMutableBytes { (room) throws in unsafe try file.read(into: room, at: 0) } == found.count)
            #expect(found == expected)
        }
    }

    @Test("shows zeros, and ends no process, after its file was cut", arguments: [false, true])
    func cut(isAgainAsLong: Bool) throws {
        try self.withDirectory { directory, path in
            let memory = try SharedMemory(mapping: directory.createFile("control"))
            let other = try SharedMemory(mapping: directory.createFile("other"))
            memory.store(7, at: 0)
            other.store(8, at: 0)
            #expect(unsafe truncate("\(path)/control", 0) == 0)
            if isAgainAsLong { #expect(unsafe truncate("\(path)/control", off_t(SharedMemory.byteCount)) == 0) }
            #expect(memory.load(0) == 0)
            memory.store(9, at: 1)
            #expect(memory.load(511) == 0 && other.load(0) == 8)
            // The file is as somebody has left it, and can be mapped again.
            let next = try SharedMemory(mapping: #require(try directory.openFile("control")))
            #expect(next.load(0) == 0)
            next.store(6, at: 0)
            #expect(next.load(0) == 6)
        }
    }
}

@Suite("Published memory")
struct PublishedMemoryTests {
    @Test("is what was published last, with when its file was looked at; what it took the place of can still be read")
    func published() throws {
        let (first, second) = (try SharedMemory(memoryFor: 1), try SharedMemory(memoryFor: 1))
        first.store(1, at: 0)
        second.store(2, at: 0)
        let published = PublishedMemory(first, checkedAt: 10)
        #expect(published.read { memory, checkedAt in memory.load(0) == 1 && checkedAt == 10 })
        published.publish(first, checkedAt: 20)
        #expect(published.read { memory, checkedAt in memory.load(0) == 1 && checkedAt == 20 })
        published.publish(second, checkedAt: 30)
        #expect(published.read { memory, checkedAt in memory.load(0) == 2 && checkedAt == 30 })
    }

    @Test("lives as long as it may be read")
    func keptAlive() throws {
        weak var first: SharedMemory?
        let published: PublishedMemory
        do {
            let memory = try SharedMemory(memoryFor: 1)
            first = memory
            published = PublishedMemory(memory, checkedAt: 0)
        }
        published.publish(try SharedMemory(memoryFor: 1), checkedAt: 1)
        #expect(first != nil)
        _ = published.read { memory, _ in memory.load(0) }
    }
}
