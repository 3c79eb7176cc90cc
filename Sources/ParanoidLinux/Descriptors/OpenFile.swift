internal import Glibc

/// An open file that several tasks share; closed when the last of them lets go.
///
/// All calls block for as long as the disk takes and retry when a signal interrupts them.
package final class OpenFile: Sendable {
    private let descriptor: OwnedDescriptor
    /// Whether the file was opened for writing.
    package let isWritable: Bool

    /// Takes over an open descriptor.
    package init(owning descriptor: consuming OwnedDescriptor, isWritable: Bool) {
        self.descriptor = descriptor
        self.isWritable = isWritable
    }

    internal var number: CInt { self.descriptor.number }

    /// Reads at `offset` without moving a file position (`pread(2)`).
    ///
    /// - Returns: The number of bytes read; fewer than asked for at the end of the file, 0 behind it.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemCallError) -> Int {
        while true {
            let count = unsafe pread(self.descriptor.number, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemCallError("pread") }
        }
    }

    /// Writes all of `bytes` at `offset` (`pwrite(2)`), in one call unless the system takes only a part.
    ///
    /// - Throws: The system's error; a part of the bytes may have been written.
    package func write(_ bytes: RawSpan, at offset: Int) throws(SystemCallError) {
        var done = 0
        while done < bytes.byteCount {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe pwrite(self.descriptor.number, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            }
            if count > 0 {
                done += count
            } else if count == 0 {
                throw SystemCallError("pwrite", code: ENOSPC)
            } else if errno != EINTR {
                throw SystemCallError("pwrite")
            }
        }
    }

    /// What the system knows about the file now (`fstat(2)`).
    package func status() throws(SystemCallError) -> FileStatus {
        var facts = stat()
        guard unsafe fstat(self.descriptor.number, &facts) == 0 else { throw SystemCallError("fstat") }
        return FileStatus(facts)
    }

    /// Waits until the contents are on the disk (`fdatasync(2)`).
    package func synchronize() throws(SystemCallError) {
        while fdatasync(self.descriptor.number) != 0 {
            guard errno == EINTR else { throw SystemCallError("fdatasync") }
        }
    }

    /// Cuts the file at `size` bytes (`ftruncate(2)`).
    package func truncate(to size: Int) throws(SystemCallError) {
        while ftruncate(self.descriptor.number, off_t(size)) != 0 {
            guard errno == EINTR else { throw SystemCallError("ftruncate") }
        }
    }
}
