internal import CLinux
internal import Glibc

/// A page, or a few, of numbers that all processes which map the same file see at once; reading and writing one costs no system call.
///
/// Where the file is cut short, or zeros are written over it, all numbers are 0 from then on, and no process dies of SIGBUS. The first number is
/// therefore one that is never 0, and who reads another one looks at the first afterwards.
@safe
package final class SharedMemory: Sendable {
    /// The bytes of one page.
    package static let byteCount = 4096

    private nonisolated(unsafe) let address: UnsafeMutableRawPointer
    private let file: OpenFile
    private let byteCount: Int
    /// How many numbers there are.
    package let wordCount: Int

    /// Whether numbers can be changed; they cannot where the file could be opened for reading only.
    package let isWritable: Bool

    /// Maps a file, which becomes as long as the page, or as many whole pages as said, when it is empty.
    ///
    /// A page that the file system has no room for would end the process by SIGBUS when it is touched, so the room is taken before the file is
    /// mapped, also for a file that has its length already.
    ///
    /// - Throws: The system's error (``SystemCallError/isOutOfSpace`` on a full disk, where an empty file stays empty); `EINVAL` for a file of another
    ///   length.
    package convenience init(mapping file: OpenFile, byteCount: Int = SharedMemory.byteCount) throws(SystemCallError) {
        precondition(byteCount > 0 && byteCount % Self.byteCount == 0)
        let size = try file.status().size
        if file.isWritable, size == 0 || size == byteCount {
            do throws(SystemCallError) {
                try file.allocate(byteCount)
            } catch {
                if size == 0 { try? file.truncate(to: 0) }
                throw error
            }
        }
        guard try file.status().size == byteCount else { throw SystemCallError("mmap", code: EINVAL) }
        try self.init(file, byteCount: byteCount, isWritable: file.isWritable)
    }

    /// Maps the beginning of a file that is at least as long, for writing where the file can be written.
    ///
    /// What is written to the file, with whatever call and by whomever, is seen at once.
    package convenience init(beginningOf file: OpenFile, byteCount: Int) throws(SystemCallError) {
        try self.init(file, byteCount: byteCount, isWritable: file.isWritable)
    }

    /// Maps memory that has no name and is all zeros, as many pages as it takes for so many numbers (`memfd_create(2)`).
    ///
    /// It cannot be cut short. A process that inherits ``descriptorNumber`` can map it too.
    package convenience init(memoryFor words: Int) throws(SystemCallError) {
        let byteCount = (max(words, 1) * 8 + Self.byteCount - 1) / Self.byteCount * Self.byteCount
        let number = unsafe clinux_memory_file("paranoid", byteCount)
        guard number >= 0 else { throw SystemCallError("memfd_create") }
        try self.init(OpenFile(owning: OwnedDescriptor(owning: number), isWritable: true), byteCount: byteCount, isWritable: true)
    }

    /// Maps memory that another process has made with ``init(memoryFor:)``.
    ///
    /// - Throws: The system's error; `EINVAL` for something else than whole pages.
    package convenience init(adopting descriptor: consuming OwnedDescriptor) throws(SystemCallError) {
        let file = OpenFile(owning: descriptor, isWritable: true)
        let byteCount = try file.status().size
        guard byteCount > 0, byteCount % Self.byteCount == 0 else { throw SystemCallError("mmap", code: EINVAL) }
        try self.init(file, byteCount: byteCount, isWritable: true)
    }

    private init(_ file: OpenFile, byteCount: Int, isWritable: Bool) throws(SystemCallError) {
        guard let address = unsafe clinux_map_shared(file.number, byteCount, isWritable ? 1 : 0) else {
            throw SystemCallError("mmap")
        }
        self.isWritable = isWritable
        unsafe self.address = address
        self.file = file
        self.byteCount = byteCount
        self.wordCount = byteCount / 8
    }

    deinit {
        unsafe clinux_unmap(self.address, self.byteCount)
    }

    /// The descriptor, for a child process to inherit; open as long as this value lives.
    package var descriptorNumber: CInt { self.file.number }

    /// The number at a place.
    package func load(_ index: Int) -> UInt64 {
        precondition(0..<self.wordCount ~= index)
        return unsafe clinux_shared_load(self.address, index)
    }

    /// Puts a number at a place; the page has to be writable.
    package func store(_ value: UInt64, at index: Int) {
        precondition(0..<self.wordCount ~= index && self.isWritable)
        unsafe clinux_shared_store(self.address, index, value)
    }

    /// Puts a number at a place, after all that was written before and before nothing that is read later; the page has to be writable.
    package func storeReleasing(_ value: UInt64, at index: Int) {
        precondition(0..<self.wordCount ~= index && self.isWritable)
        unsafe clinux_shared_store_releasing(self.address, index, value)
    }

    /// Copies bytes to an offset that is a multiple of 8; the memory has to be writable.
    ///
    /// Where the system cannot write the page (no room, a file system that is read-only by now), all of the memory is zero afterwards, and
    /// the file has none, some or all of the bytes: who writes looks at something else that is never zero.
    package func write(_ bytes: RawSpan, at offset: Int) {
        precondition(offset >= 0 && offset % 8 == 0 && bytes.byteCount > 0 && self.isWritable)
        precondition(offset + bytes.byteCount <= self.byteCount)
        unsafe bytes.withUnsafeBytes { unsafe clinux_shared_write(self.address, offset, $0.baseAddress, $0.count) }
    }

    /// Adds to the number at a place and returns the sum.
    @discardableResult
    package func add(_ value: UInt64, at index: Int) -> UInt64 {
        precondition(0..<self.wordCount ~= index && self.isWritable)
        return unsafe clinux_shared_add(self.address, index, value)
    }

    /// Puts a number at a place unless a greater one is there.
    package func raise(to value: UInt64, at index: Int) {
        precondition(0..<self.wordCount ~= index && self.isWritable)
        _ = unsafe clinux_shared_raise(self.address, index, value)
    }

    /// Whether the file still has a name, and its length; one system call (`fstat(2)`).
    ///
    /// After its removal, processes that open the name map another file, and this process learns nothing of them any more.
    package var isStillLinked: Bool { (try? self.file.status()).map { $0.linkCount > 0 && $0.size == self.byteCount } ?? false }

    /// Waits until the page is on the disk.
    package func synchronize() throws(SystemCallError) {
        try self.file.synchronize()
    }
}
