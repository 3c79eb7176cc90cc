internal import CLinux
internal import Glibc

/// Goes through the entries of a directory and looks at them one by one, without a string or any other value for each.
///
/// It can stop after any entry and go on later; entries that come or go meanwhile may be met or not, every other one is met once. All calls block
/// for as long as the disk takes.
package struct DirectoryReader: ~Copyable, Sendable {
    /// The bytes of names that one system call brings.
    private static let chunkByteCount = 32 * 1024
    /// Where the length of an entry stands in it, and where its name begins (getdents64(2)).
    private static let lengthOffset = 16
    private static let nameOffset = 19

    /// The directory.
    package let directory: SecureDirectory
    private var chunk: [UInt8]
    private var filled = 0
    private var next = 0
    private var name = 0..<0
    /// How many entries were met so far.
    package private(set) var count = 0

    /// Begins before the first entry of a directory, whose position it uses.
    package init(_ directory: consuming SecureDirectory) {
        self.directory = directory
        self.chunk = [UInt8](repeating: 0, count: Self.chunkByteCount)
    }

    /// Goes to the next entry but `.` and `..`.
    ///
    /// - Returns: `false` at the end.
    package mutating func advance() throws(SystemCallError) -> Bool {
        while true {
            if self.next >= self.filled {
                let number = self.directory.number
                let got = unsafe self.chunk.withUnsafeMutableBytes { unsafe clinux_read_directory(number, $0.baseAddress!, $0.count) }
                guard got >= 0 else { throw SystemCallError("getdents64") }
                (self.filled, self.next) = (got, 0)
                if got == 0 { return false }
            }
            let entry = self.next
            self.next += Int(self.chunk[entry + Self.lengthOffset]) | Int(self.chunk[entry + Self.lengthOffset + 1]) << 8
            let start = entry + Self.nameOffset
            var end = start
            while self.chunk[end] != 0 { end += 1 }
            self.name = start..<end
            if self.chunk[start] == UInt8(ascii: "."), end - start == 1 || (end - start == 2 && self.chunk[start + 1] == UInt8(ascii: "."))
            {
                continue
            }
            self.count += 1
            return true
        }
    }

    /// The bytes of the entry's name.
    package var nameBytes: ArraySlice<UInt8> { self.chunk[self.name] }

    /// The entry's name; `nil` when that is not UTF-8.
    package var nameText: String? { String(validating: self.chunk[self.name], as: UTF8.self) }

    /// What the entry is, a symbolic link itself included; `nil` when it is gone.
    package borrowing func status() throws(SystemCallError) -> FileStatus? {
        var facts = stat()
        let code = unsafe self.withName { unsafe fstatat(self.directory.number, $0, &facts, AT_SYMLINK_NOFOLLOW) }
        guard code == 0 else {
            if errno == ENOENT { return nil }
            throw SystemCallError("fstatat")
        }
        return FileStatus(facts)
    }

    /// Opens the entry for reading, without a trace in its time of access.
    ///
    /// - Throws: Also where it is no file of this process's user.
    package borrowing func open() throws(SystemCallError) -> DirectoryEntryFile {
        let number = unsafe self.withName { unsafe clinux_open_entry(self.directory.number, $0) }
        guard number >= 0 else { throw SystemCallError("openat") }
        return DirectoryEntryFile(descriptor: OwnedDescriptor(owning: number))
    }

    @unsafe private borrowing func withName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe self.chunk.withUnsafeBytes { bytes in
            unsafe body(bytes.baseAddress!.advanced(by: self.name.lowerBound).assumingMemoryBound(to: CChar.self))
        }
    }
}

/// A file of a directory, open for reading.
package struct DirectoryEntryFile: ~Copyable, Sendable {
    fileprivate let descriptor: OwnedDescriptor

    /// Reads at `offset` without moving a file position (`pread(2)`).
    ///
    /// - Returns: The number of bytes read; fewer than asked for at the end of the file.
    package borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemCallError) -> Int {
        while true {
            let count = unsafe pread(self.descriptor.number, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemCallError("pread") }
        }
    }

    /// Gives a file of this process's user a time of modification, in nanoseconds since the Unix epoch; `nil`: now (`futimens(2)`).
    package borrowing func setModificationTime(_ nanoseconds: Int64?) throws(SystemCallError) {
        guard clinux_set_modification_time(self.descriptor.number, nanoseconds ?? .min) == 0 else { throw SystemCallError("futimens") }
    }
}
