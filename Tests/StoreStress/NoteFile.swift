internal import Glibc
internal import ParanoidLinux

/// A file that is only appended to, each note with one `write(2)`: what is noted survives whatever happens to the process.
final class NoteFile: Sendable {
    private let descriptor: CInt

    /// Opens or creates the file.
    init(_ path: String) throws {
        self.descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else { throw SystemCallError("open") }
    }

    deinit { close(self.descriptor) }

    /// Adds one byte: the size of the file is the tally.
    func tally() {
        self.append([1])
    }

    /// Adds a line.
    func line(_ text: String) {
        self.append(Array(text.utf8) + [UInt8(ascii: "\n")])
    }

    private func append(_ bytes: [UInt8]) {
        let count = unsafe bytes.withUnsafeBytes { unsafe write(self.descriptor, $0.baseAddress, $0.count) }
        // A note that is lost would make the sums wrong without anybody knowing.
        if count != bytes.count { ProcessExit.fail("store-stress: a note cannot be written", code: 3) }
    }

    // MARK: Reading

    /// The bytes of a file; none when it is not there.
    static func bytes(of path: String) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// The lines of a file.
    static func lines(of path: String) -> [[UInt8]] {
        self.bytes(of: path).split(separator: UInt8(ascii: "\n")).map(Array.init)
    }

    /// The tally of a file.
    static func count(of path: String) -> UInt64 {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 ? UInt64(facts.st_size) : 0
    }
}
