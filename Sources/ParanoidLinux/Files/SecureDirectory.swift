internal import CLinux
internal import Glibc

/// A directory that belongs to this process's user and that no other user can write, held by its descriptor.
///
/// Only its owner and root can have opened it to its group, as volumes with `fsGroup` are; that access is taken away again.
///
/// All paths are relative to it and must stay below it; no symbolic link is followed when something is opened (`openat2(2)` where the
/// kernel has it). All calls block for as long as the disk takes.
package struct SecureDirectory: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor
    /// The mode that the directory had when it was opened, if others had access to it, which was taken away.
    package private(set) var formerPermissions: UInt32?

    internal var number: CInt { self.descriptor.number }

    private init(owning descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Opens a directory, creating it and its parents with mode 0700 when they are absent.
    ///
    /// - Throws: ``SecureDirectoryError`` when it, or a parent without the sticky bit, can be written by others, or when it is not ours.
    package static func openOrCreate(_ path: String) throws(SecureDirectoryError) -> SecureDirectory {
        try self.prepareParents(of: path)
        if unsafe mkdir(path, 0o700) != 0 && errno != EEXIST { throw .system(SystemCallError("mkdir"), path: path) }
        let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else {
            let error = SystemCallError("open")
            throw error.code == ENOTDIR ? .notDirectory(path: path) : .system(error, path: path)
        }
        var directory = SecureDirectory(owning: OwnedDescriptor(owning: number))
        try directory.check(path)
        try directory.makePrivate(path)
        return directory
    }

    /// Takes access away from the group and from others: they need not see even the names.
    private mutating func makePrivate(_ path: String) throws(SecureDirectoryError) {
        let status: FileStatus
        do { status = try self.status() } catch { throw .system(error, path: path) }
        guard status.isShared else { return }
        guard fchmod(self.descriptor.number, 0o700) == 0 else { throw .system(SystemCallError("fchmod"), path: path) }
        self.formerPermissions = status.permissions
    }

    /// Opens a directory and changes nothing; `nil` when there is none.
    ///
    /// - Throws: ``SecureDirectoryError`` when it can be written by others, or when it is not ours.
    package static func openExisting(_ path: String) throws(SecureDirectoryError) -> SecureDirectory? {
        let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else {
            let error = SystemCallError("open")
            switch error.code {
            case ENOENT: return nil
            case ENOTDIR: throw .notDirectory(path: path)
            default: throw .system(error, path: path)
            }
        }
        let directory = SecureDirectory(owning: OwnedDescriptor(owning: number))
        try directory.check(path)
        return directory
    }

    private static func prepareParents(of path: String) throws(SecureDirectoryError) {
        let bytes = Array(path.utf8)
        for end in bytes.indices where bytes[end] == UInt8(ascii: "/") && end > 0 {
            let parent = String(decoding: bytes[..<end], as: UTF8.self)
            if unsafe mkdir(parent, 0o700) == 0 { continue }
            var facts = stat()
            guard unsafe stat(parent, &facts) == 0 else { throw .system(SystemCallError("mkdir"), path: parent) }
            let status = FileStatus(facts)
            guard status.kind == .directory else { throw .notDirectory(path: parent) }
            // In a directory with the sticky bit only the owner of an entry can replace it. A volume that root has mounted for a container
            // (an `emptyDir`) has no such bit: another user of that container can take our directory away, and never give us theirs.
            if status.isWritableByAll && status.permissions & 0o1000 == 0 && !Self.isVolume(status, at: parent) {
                throw .writableByOthers(path: parent, permissions: status.permissions)
            }
        }
    }

    /// Whether a directory of root's is where a file system, or a part of one, was mounted.
    internal static func isVolume(_ status: FileStatus, at path: String) -> Bool {
        guard status.owner == 0 else { return false }
        let isMountPoint = unsafe clinux_is_mount_point(path)
        if isMountPoint >= 0 { return isMountPoint == 1 }
        // A kernel that does not say: a directory that is mounted from another place of the same file system is not recognised.
        var above = stat()
        guard unsafe stat("\(path)/..", &above) == 0 else { return false }
        return FileStatus(above).identity.device != status.identity.device
    }

    private borrowing func check(_ path: String) throws(SecureDirectoryError) {
        let status: FileStatus
        do { status = try self.status() } catch { throw .system(error, path: path) }
        guard status.kind == .directory else { throw .notDirectory(path: path) }
        guard status.isOwn else { throw .foreignOwner(path: path, owner: status.owner) }
        guard !status.isWritableByAll else { throw .writableByOthers(path: path, permissions: status.permissions) }
    }

    /// What the system knows about the directory itself.
    package borrowing func status() throws(SystemCallError) -> FileStatus {
        var facts = stat()
        guard unsafe fstat(self.descriptor.number, &facts) == 0 else { throw SystemCallError("fstat") }
        return FileStatus(facts)
    }

    /// Whether a path leads to this directory; `nil` when it leads nowhere, or nobody says where.
    package borrowing func isAt(_ path: String) -> Bool? {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0, let own = try? self.status() else { return nil }
        return FileStatus(facts).identity == own.identity
    }

    /// The kind of file system, for ``FileSystemKind``.
    package borrowing func fileSystem() -> FileSystemKind {
        FileSystemKind(magic: UInt32(truncatingIfNeeded: clinux_filesystem_type(self.descriptor.number)))
    }

    /// Opens a directory below; `nil` when there is none.
    ///
    /// Access of its group is taken away.
    ///
    /// - Throws: Also for one that is not ours or that others can write.
    package borrowing func openDirectory(_ path: String) throws(SecureDirectoryError) -> SecureDirectory? {
        let number = unsafe clinux_open_beneath(self.descriptor.number, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard number >= 0 else {
            let error = SystemCallError("openat2")
            switch error.code {
            case ENOENT: return nil
            case ENOTDIR, ELOOP: throw .notDirectory(path: path)
            default: throw .system(error, path: path)
            }
        }
        var directory = SecureDirectory(owning: OwnedDescriptor(owning: number))
        try directory.check(path)
        try directory.makePrivate(path)
        return directory
    }

    /// Creates a directory with mode 0700; does nothing when there is one.
    ///
    /// - Returns: Whether it was created.
    package borrowing func makeDirectory(_ path: String) throws(SystemCallError) -> Bool {
        if unsafe mkdirat(self.descriptor.number, path, 0o700) == 0 { return true }
        guard errno == EEXIST else { throw SystemCallError("mkdirat") }
        return false
    }

    /// Opens a file for reading and writing, or for reading where the file system allows no more; `nil` when there is none.
    ///
    /// Whatever lies there is opened without side effects (`O_NONBLOCK`); the caller checks ``OpenFile/status()``.
    package borrowing func openFile(_ path: String) throws(SystemCallError) -> OpenFile? {
        var isWritable = true
        var number = unsafe clinux_open_beneath(self.descriptor.number, path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0)
        if number < 0 && (errno == EROFS || errno == EACCES) {
            isWritable = false
            number = unsafe clinux_open_beneath(self.descriptor.number, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0)
        }
        guard number >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemCallError("openat2")
        }
        return OpenFile(owning: OwnedDescriptor(owning: number), isWritable: isWritable)
    }

    /// Creates a file with mode 0600 that nothing had the name of before (`O_EXCL`); `EEXIST` otherwise.
    package borrowing func createFile(_ path: String) throws(SystemCallError) -> OpenFile {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
        let number = unsafe clinux_open_beneath(self.descriptor.number, path, flags, 0o600)
        guard number >= 0 else { throw SystemCallError("openat2") }
        return OpenFile(owning: OwnedDescriptor(owning: number), isWritable: true)
    }

    /// Opens a file, making it where it is not there; of several that do so at once one makes it.
    package borrowing func openOrCreateFile(_ path: String) throws(SystemCallError) -> OpenFile {
        while true {
            if let file = try self.openFile(path) { return file }
            do { return try self.createFile(path) } catch  where error.isAlreadyThere {}
        }
    }

    /// What lies at a path, symbolic links themselves included; `nil` when nothing does.
    package borrowing func status(of path: String) throws(SystemCallError) -> FileStatus? {
        var facts = stat()
        guard unsafe fstatat(self.descriptor.number, path, &facts, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw SystemCallError("fstatat")
        }
        return FileStatus(facts)
    }

    /// Removes a file's name; does nothing when it is not there.
    package borrowing func removeFile(_ path: String) throws(SystemCallError) {
        guard unsafe unlinkat(self.descriptor.number, path, 0) == 0 || errno == ENOENT else { throw SystemCallError("unlinkat") }
    }

    /// Removes a directory if it is empty.
    ///
    /// - Returns: Whether it is gone.
    package borrowing func removeDirectoryIfEmpty(_ path: String) throws(SystemCallError) -> Bool {
        if unsafe unlinkat(self.descriptor.number, path, AT_REMOVEDIR) == 0 { return true }
        switch errno {
        case ENOENT: return true
        case ENOTEMPTY, EEXIST: return false
        default: throw SystemCallError("unlinkat")
        }
    }

    /// Gives a file another name, which nothing may have (`RENAME_NOREPLACE`).
    package borrowing func move(_ path: String, to newPath: String) throws(SystemCallError) {
        let number = self.descriptor.number
        guard unsafe clinux_rename_exclusive(number, path, number, newPath) == 0 else { throw SystemCallError("renameat2") }
    }

    /// The names of all entries but `.` and `..`, in no order.
    ///
    /// Names that are not UTF-8 are left out.
    package borrowing func entries() throws(SystemCallError) -> [String] {
        // The stream takes its descriptor over, and a position of its own is wanted: open the directory anew.
        let number = unsafe openat(self.descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw SystemCallError("openat") }
        guard let stream = unsafe fdopendir(number) else {
            let error = SystemCallError("fdopendir")
            _ = close(number)
            throw error
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                guard errno == 0 else { throw SystemCallError("readdir") }
                return names
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
    }

    /// Waits until changes of names in a directory below are on the disk; does nothing when there is none.
    package borrowing func synchronize(_ path: String) throws(SystemCallError) {
        do throws(SecureDirectoryError) {
            guard let directory = try self.openDirectory(path) else { return }
            do { try directory.synchronize() } catch { throw .system(error, path: path) }
        } catch {
            // One that is not safe to use is as good as a disk that does not answer.
            if case .system(let cause, _) = error { throw cause }
            throw .inputOutput
        }
    }

    /// Waits until changes of names in the directory are on the disk (`fsync(2)`).
    package borrowing func synchronize() throws(SystemCallError) {
        while fsync(self.descriptor.number) != 0 {
            guard errno == EINTR else { throw SystemCallError("fsync") }
        }
    }
}

/// Why a directory is not used.
package enum SecureDirectoryError: Error, Sendable, Hashable {
    /// A system call failed at a path.
    case system(SystemCallError, path: String)
    /// The path leads to something else.
    case notDirectory(path: String)
    /// The directory belongs to neither this process's user nor, where that is enough, root.
    case foreignOwner(path: String, owner: UInt32)
    /// Others may write into the directory, or put another one in its place.
    case writableByOthers(path: String, permissions: UInt32)
}

extension SecureDirectoryError: CustomStringConvertible {
    /// What is wrong with which directory, for a log line.
    package var description: String {
        switch self {
        case .system(let error, let path): "\(path): \(error)"
        case .notDirectory(let path): "\(path) is not a directory"
        case .foreignOwner(let path, 0): "\(path) belongs to root, as a volume does; name a directory below it, which is made then"
        case .foreignOwner(let path, let owner): "\(path) belongs to user \(owner)"
        case .writableByOthers(let path, let permissions):
            "\(path) can be written by others (mode \(String(permissions, radix: 8))); take that away (chmod o-w), let only owners remove entries "
                + "(chmod +t), or name a directory in another place"
        }
    }
}
