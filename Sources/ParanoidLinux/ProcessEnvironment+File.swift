internal import Glibc

extension ProcessEnvironment {
    /// Parses the bytes of a file of `NAME=VALUE` lines.
    ///
    /// Lines end with LF. Empty lines and lines whose first visible byte is `#` are skipped, blanks before a name are allowed. A value is
    /// everything after the `=`, byte for byte: nothing is expanded, unquoted, unescaped or trimmed. What could mean something else to another
    /// reader of the same file is refused: control bytes, a value that begins with a quotation mark, a name given twice.
    ///
    /// - Throws: ``ProcessEnvironmentError`` with the number of the first bad line; it never contains a value.
    package init(parsing bytes: [UInt8]) throws(ProcessEnvironmentError) {
        self.init()
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let content = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard let first = content.first, first != UInt8(ascii: "#") else { continue }
            guard let separator = content.firstIndex(of: UInt8(ascii: "=")) else {
                throw ProcessEnvironmentError(.missingSeparator, line: number)
            }
            let name = Array(content[..<separator])
            let value = Array(content[(separator + 1)...])
            guard Self.isPortableName(name) else { throw ProcessEnvironmentError(.invalidName, line: number) }
            guard !value.contains(where: { ($0 < 0x20 && $0 != UInt8(ascii: "\t")) || $0 == 0x7F }) else {
                throw ProcessEnvironmentError(.controlByte, line: number)
            }
            guard value.first != UInt8(ascii: "\""), value.first != UInt8(ascii: "'") else {
                throw ProcessEnvironmentError(.quotedValue, line: number)
            }
            guard self.entry(name) == nil else { throw ProcessEnvironmentError(.duplicateName, line: number) }
            self.set(name, to: value)
        }
    }

    /// Reads and parses a file of at most 1 MiB.
    ///
    /// Blocks.
    ///
    /// - Throws: ``ProcessEnvironmentError/Code/unreadable`` with the failed call as cause, or the errors of ``init(parsing:)``.
    package init(file path: String) throws(ProcessEnvironmentError) {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try Self.contents(of: path)
        } catch {
            throw ProcessEnvironmentError(.unreadable, line: nil, cause: error)
        }
        try self.init(parsing: bytes)
    }

    private func entry(_ name: [UInt8]) -> [UInt8]? {
        self.bytes(of: String(decoding: name, as: UTF8.self))
    }

    /// The names of POSIX: letters, digits and underscores, no digit first.
    private static func isPortableName(_ name: [UInt8]) -> Bool {
        guard let first = name.first, !isDigit(first) else { return false }
        return name.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "_") }

        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
    }

    private static func contents(of path: String) throws(SystemCallError) -> [UInt8] {
        // Non-blocking, so that a FIFO by mistake is an empty file and not a hang.
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw SystemCallError("open") }
        let file = OwnedDescriptor(owning: number)
        var bytes: [UInt8] = []
        while true {
            guard let piece = file.readAvailable(limit: 65_536) else { throw SystemCallError("read") }
            if piece.isEmpty { return bytes }
            bytes += piece
            guard bytes.count <= 1 << 20 else { throw SystemCallError("read", code: EFBIG) }
        }
    }
}
