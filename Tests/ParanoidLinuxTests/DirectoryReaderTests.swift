import Glibc
import Testing

@testable import ParanoidLinux

@Suite("Going through a directory")
struct DirectoryReaderTests {
    @Test("every entry is met once, also when there are more than one system call brings, and names keep their bytes")
    func entries() throws {
        let directory = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: directory) }
        // About 100 KiB of names.
        let names = Set((0..<900).map { "\($0)-\(String(repeating: "n", count: 100))" } + ["ä", ".hidden", "...", "a b"])
        for name in names { unsafe close(open("\(directory)/\(name)", O_CREAT | O_WRONLY, 0o600)) }
        unsafe close(open("\(directory)/\u{1}", O_CREAT | O_WRONLY, 0o600))
        var reader = DirectoryReader(try SecureDirectory.openOrCreate(directory))
        var met: [String] = []
        while try reader.advance() {
            #expect(Array(reader.nameBytes) == Array((reader.nameText ?? "").utf8))
            met.append(reader.nameText ?? "")
        }
        #expect(met.count == names.count + 1 && Set(met) == names.union(["\u{1}"]))
        #expect(reader.count == met.count)
        #expect(try !reader.advance())
    }

    @Test("an entry is looked at, opened and given a time; a link is not followed, and what is gone is gone")
    func entry() throws {
        let directory = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: directory) }
        let path = "\(directory)/file"
        let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
        #expect(unsafe write(file, [1, 2, 3] as [UInt8], 3) == 3)
        close(file)
        func first() throws -> DirectoryReader {
            var reader = DirectoryReader(try SecureDirectory.openOrCreate(directory))
            #expect(try reader.advance())
            return reader
        }
        do {
            let reader = try first()
            let opened = try reader.open()
            var bytes = [UInt8](repeating: 0, count: 8)
            let count = try unsafe bytes.withUnsafeMutableBytes { unsafe try opened.read(into: $0, at: 1) }
            #expect(count == 2 && bytes.prefix(2) == [2, 3])
            try opened.setModificationTime(4_000_000_000_123_456_729)
            #expect(try reader.status()?.modifiedAt == 4_000_000_000_123_456_729)
            #expect(try #require(try reader.status()).changedAt < 4_000_000_000_123_456_729)
            try opened.setModificationTime(nil)
            #expect(try #require(try reader.status()).modifiedAt < 4_000_000_000_000_000_000)
            #expect(throws: SystemCallError.self) { try opened.setModificationTime(-1) }
            unsafe unlink(path)
            #expect(try reader.status() == nil)
        }
        #expect(unsafe symlink("/etc/passwd", path) == 0)
        let link = try first()
        #expect(try link.status()?.kind == .symbolicLink)
        let isOpened = (try? link.open()) != nil
        #expect(!isOpened)
    }
}
