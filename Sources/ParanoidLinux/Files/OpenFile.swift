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

    /// Opens a file for reading; of a symbolic link not what it leads to.
    package convenience init(reading path: String) throws(SystemCallError) {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else { throw SystemCallError("open") }
        self.init(owning: OwnedDescriptor(owning: number), isWritable: false)
    }

    /// Opens a file for reading below a directory; no symbolic link is followed on the way from there, nor at the end.
    ///
    /// - Parameters:
    ///   - names: The directories on the way and the file itself, each a name without slash that is neither `.` nor `..`.
    ///   - directory: Where the way begins.
    package convenience init(reading names: [String], below directory: String) throws(SystemCallError) {
        let isNames = names.allSatisfy { $0 != "." && $0 != ".." && !$0.isEmpty && !$0.utf8.contains(0x2F) && !$0.utf8.contains(0) }
        guard isNames, let last = names.last else { throw SystemCallError("openat", code: ENOENT) }
        let root = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw SystemCallError("open") }
        var place = OwnedDescriptor(owning: root)
        for name in names.dropLast() {
            let next = unsafe openat(place.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw SystemCallError("openat") }
            place = OwnedDescriptor(owning: next)
        }
        let number = unsafe openat(place.number, last, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { throw SystemCallError("openat") }
        self.init(owning: OwnedDescriptor(owning: number), isWritable: false)
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

    /// What the system knows about the file, after access of its group was taken away.
    ///
    /// Only the owner of a file and root can have given it, as root does in volumes with `fsGroup`. A file that all may reach stays as it is, and so
    /// does one that cannot be changed, as on a file system that is mounted read-only: the caller looks at the status.
    package func privateStatus() throws(SystemCallError) -> FileStatus {
        let status = try self.status()
        guard status.isOwn, status.kind == .regular, status.isShared, status.permissions & 0o007 == 0 else { return status }
        guard fchmod(self.descriptor.number, mode_t(status.permissions & 0o700)) == 0 else {
            if errno == EROFS || errno == EPERM { return status }
            throw SystemCallError("fchmod")
        }
        return try self.status()
    }

    /// Waits until the contents are on the disk (`fdatasync(2)`).
    package func synchronize() throws(SystemCallError) {
        while fdatasync(self.descriptor.number) != 0 {
            guard errno == EINTR else { throw SystemCallError("fdatasync") }
        }
    }

    /// Has the file system set room aside for the first `size` bytes, which the file then has at least (`posix_fallocate(3)`).
    internal func allocate(_ size: Int) throws(SystemCallError) {
        while true {
            let code = posix_fallocate(self.descriptor.number, 0, off_t(size))
            if code == 0 { return }
            guard code == EINTR else { throw SystemCallError("posix_fallocate", code: code) }
        }
    }

    /// Cuts the file at `size` bytes (`ftruncate(2)`).
    package func truncate(to size: Int) throws(SystemCallError) {
        while ftruncate(self.descriptor.number, off_t(size)) != 0 {
            guard errno == EINTR else { throw SystemCallError("ftruncate") }
        }
    }
}

/// What the system knows about a file (`fstat(2)`).
package struct FileStatus: Sendable, Hashable {
    /// The kinds of file that matter here.
    package enum Kind: Sendable, Hashable {
        case regular
        case directory
        case symbolicLink
        case other
    }

    /// The kind of file.
    package let kind: Kind
    /// The twelve permission bits.
    package let permissions: UInt32
    /// The owner of the file.
    package let owner: UInt32
    /// The group of the file.
    package let group: UInt32
    /// The number of names the file has; 0 once it is removed.
    package let linkCount: Int
    /// What tells this file from every other existing one.
    package let identity: FileIdentity
    /// The size in bytes.
    package let size: Int
    /// When the contents last changed, in nanoseconds since the Unix epoch.
    package let modifiedAt: Int64
    /// When the contents, a name or what is known about the file last changed, in nanoseconds since the Unix epoch.
    package let changedAt: Int64

    internal init(_ facts: stat) {
        switch facts.st_mode & S_IFMT {
        case S_IFREG: self.kind = .regular
        case S_IFDIR: self.kind = .directory
        case S_IFLNK: self.kind = .symbolicLink
        default: self.kind = .other
        }
        self.permissions = facts.st_mode & 0o7777
        self.owner = facts.st_uid
        self.group = facts.st_gid
        self.linkCount = Int(facts.st_nlink)
        self.identity = FileIdentity(device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino))
        self.size = Int(facts.st_size)
        self.modifiedAt = Self.nanoseconds(facts.st_mtim)
        self.changedAt = Self.nanoseconds(facts.st_ctim)
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ Int64(time.tv_nsec)
    }

    /// Whether the mode lets the group or others reach the file.
    package var isShared: Bool { self.permissions & 0o077 != 0 }

    /// Whether others than the owner's group may write the file.
    package var isWritableByAll: Bool { self.permissions & 0o002 != 0 }

    /// Whether the file belongs to the user this process acts as.
    package var isOwn: Bool { self.owner == Self.processUser }

    /// Asked once: a process that is serving does not change its user any more.
    private static let processUser = geteuid()
}

/// Device and inode: equal for two descriptors of one file, different for two files that exist at the same time.
package struct FileIdentity: Sendable, Hashable {
    /// The device number.
    package let device: UInt64
    /// The inode number.
    package let inode: UInt64
}
