internal import CLinux
internal import Glibc

/// A page of numbers that all processes which map the same file see at once; reading and writing one costs no system call.
///
/// Whoever cuts the file short makes every process that uses the page die of SIGBUS: it belongs into a directory that is ours alone.
@safe
package final class SharedPage: Sendable {
    /// The bytes of the file, and of the mapping.
    package static let byteCount = 4096
    private static let wordCount = byteCount / 8

    private nonisolated(unsafe) let address: UnsafeMutableRawPointer
    private let file: OpenFile

    /// Whether numbers can be changed; they cannot where the file could be opened for reading only.
    package var isWritable: Bool { self.file.isWritable }

    /// Maps a file, which becomes as long as the page when it is empty.
    ///
    /// - Throws: The system's error; `EINVAL` for a file of another length.
    package init(mapping file: OpenFile) throws(SystemCallError) {
        let size = try file.status().size
        if size == 0 && file.isWritable { try file.truncate(to: Self.byteCount) }
        guard try file.status().size == Self.byteCount else { throw SystemCallError("mmap", code: EINVAL) }
        guard let address = unsafe clinux_map_shared(file.number, Self.byteCount, file.isWritable ? 1 : 0) else {
            throw SystemCallError("mmap")
        }
        unsafe self.address = address
        self.file = file
    }

    deinit {
        unsafe clinux_unmap(self.address, Self.byteCount)
    }

    /// The number at a place.
    package func load(_ index: Int) -> UInt64 {
        precondition(0..<Self.wordCount ~= index)
        return unsafe clinux_shared_load(self.address, index)
    }

    /// Puts a number at a place; the page has to be writable.
    package func store(_ value: UInt64, at index: Int) {
        precondition(0..<Self.wordCount ~= index && self.isWritable)
        unsafe clinux_shared_store(self.address, index, value)
    }

    /// Adds to the number at a place and returns the sum.
    @discardableResult
    package func add(_ value: UInt64, at index: Int) -> UInt64 {
        precondition(0..<Self.wordCount ~= index && self.isWritable)
        return unsafe clinux_shared_add(self.address, index, value)
    }

    /// Puts a number at a place unless a greater one is there.
    package func raise(to value: UInt64, at index: Int) {
        precondition(0..<Self.wordCount ~= index && self.isWritable)
        _ = unsafe clinux_shared_raise(self.address, index, value)
    }

    /// Waits until the page is on the disk.
    package func synchronize() throws(SystemCallError) {
        try self.file.synchronize()
    }
}
