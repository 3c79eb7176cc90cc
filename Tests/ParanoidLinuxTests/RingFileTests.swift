import Foundation
import ParanoidLinux
import Testing

@Suite("A file with a ring of records")
struct RingFileTests {
    @Test("overwrites the oldest record when it is full, and refuses a file of something else")
    func ring() throws {
        let directory = try RingFileDirectory()
        let path = "\(directory.path)/ring"
        let magic = Array("MAGIC".utf8)
        for number in UInt8(0)..<10 {
            try RingFile(path, isWritable: true).append([number, number], capacity: 4, headerByteCount: 16, magic: magic)
        }
        let records = try RingFile(path, isWritable: false).records(of: 2, headerByteCount: 16, magic: magic)
        #expect(records == [[8, 8], [9, 9], [6, 6], [7, 7]])
        #expect(throws: SystemCallError.self) {
            try RingFile(path, isWritable: false).records(of: 2, headerByteCount: 16, magic: Array("OTHER".utf8))
        }
        unsafe chmod(path, 0o640)
        #expect(throws: SystemCallError.self) { try RingFile(path, isWritable: false) }
    }
}

/// A directory that goes with its owner.
private final class RingFileDirectory {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appending(path: "ring-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
