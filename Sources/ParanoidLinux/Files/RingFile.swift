internal import Glibc

/// A file of a bounded number of records of one length, the oldest of which is overwritten; for several processes at once.
///
/// The header holds a mark and the number of records that were ever written. Only the owner may read the file.
package struct RingFile: Sendable {
    private let file: OpenFile

    /// Opens the file, and makes it with mode 0600 where there is none and it is to be written.
    ///
    /// - Throws: ``SystemCallError``; EACCES for a file that belongs to another user, or that others may read.
    package init(_ path: String, isWritable: Bool) throws(SystemCallError) {
        let flags = (isWritable ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let number = unsafe open(path, flags, 0o600)
        guard number >= 0 else { throw SystemCallError("open") }
        self.file = OpenFile(owning: OwnedDescriptor(owning: number), isWritable: isWritable)
        let status = try self.file.status()
        guard status.kind == .regular, status.isOwn || status.owner == 0, !status.isShared else {
            throw SystemCallError("open", code: EACCES)
        }
    }

    /// Writes a record in the place of the oldest one; waits while another process does.
    ///
    /// - Throws: ``SystemCallError``; EBADMSG for a file of something else.
    package func append(_ record: [UInt8], capacity: Int, headerByteCount: Int, magic: [UInt8]) throws(SystemCallError) {
        while flock(self.file.number, LOCK_EX) != 0 {
            guard errno == EINTR else { throw SystemCallError("flock") }
        }
        defer { FileLock.unlock(self.file) }
        let count = try self.count(magic) ?? 0
        try unsafe self.file.write(record.span.bytes, at: headerByteCount + Int(count % UInt64(capacity)) * record.count)
        let header = magic + (0..<8).map { UInt8(truncatingIfNeeded: (count + 1) >> UInt64(8 * $0)) }
        try unsafe self.file.write(header.span.bytes, at: 0)
    }

    /// All records there are, in the order of their places.
    package func records(of byteCount: Int, headerByteCount: Int, magic: [UInt8]) throws(SystemCallError) -> [[UInt8]] {
        guard try self.count(magic) != nil else { return [] }
        let size = try self.file.status().size
        var records: [[UInt8]] = []
        var offset = headerByteCount
        while offset + byteCount <= size {
            records.append(try self.read(byteCount, at: offset))
            offset += byteCount
        }
        return records
    }

    /// How many records were ever written; `nil` for an empty file.
    private func count(_ magic: [UInt8]) throws(SystemCallError) -> UInt64? {
        let header = try self.read(magic.count + 8, at: 0)
        if header.isEmpty { return nil }
        guard header.count == magic.count + 8, header.starts(with: magic) else { throw SystemCallError("read", code: EBADMSG) }
        return header[magic.count...].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { unsafe buffer.deallocate() }
        let read = unsafe try self.file.read(into: buffer, at: offset)
        return unsafe Array(buffer.prefix(read))
    }
}
