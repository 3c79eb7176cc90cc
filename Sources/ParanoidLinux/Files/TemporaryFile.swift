internal import Glibc

/// A file without a name, readable by its owner only: it is gone when the last reference goes, however the process ends.
///
/// All calls block for as long as the disk takes.
package struct TemporaryFile: Sendable {
    /// The open file.
    package let file: OpenFile

    /// Creates an empty file (`O_TMPFILE`, or a file whose name is removed at once where the file system has no such thing).
    package init(in directory: String) throws(SystemCallError) {
        // __O_TMPFILE of <fcntl.h>, a macro that Swift does not import.
        let number = unsafe open(directory, 0o20_000_000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o600)
        if number >= 0 {
            self.file = OpenFile(owning: OwnedDescriptor(owning: number), isWritable: true)
            return
        }
        let error = SystemCallError("open")
        guard error.code == EOPNOTSUPP || error.code == EISDIR || error.code == EINVAL else { throw error }
        let name = "\(directory)/.upload-\(UInt64.random(in: .min ... .max))"
        let named = unsafe open(name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0o600)
        guard named >= 0 else { throw SystemCallError("open") }
        self.file = OpenFile(owning: OwnedDescriptor(owning: named), isWritable: true)
        guard unsafe unlink(name) == 0 else { throw SystemCallError("unlink") }
    }

    /// Gives the file a name, with mode 0600; copies it where it is on another file system.
    ///
    /// - Throws: `EEXIST` when something has the name: nothing is ever replaced.
    package func link(as path: String) throws(SystemCallError) {
        if unsafe linkat(AT_FDCWD, "/proc/self/fd/\(self.file.number)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 { return }
        let error = SystemCallError("linkat")
        // Another file system, or a file whose name was removed.
        guard error.code == EXDEV || error.code == ENOENT else { throw error }
        let number = unsafe open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SystemCallError("open") }
        let copy = OpenFile(owning: OwnedDescriptor(owning: number), isWritable: true)
        do throws(SystemCallError) {
            var offset: off_t = 0
            while true {
                let count = unsafe sendfile(copy.number, self.file.number, &offset, 1 << 24)
                if count == 0 { return }
                guard count > 0 || errno == EINTR else { throw SystemCallError("sendfile") }
            }
        } catch {
            _ = unsafe unlink(path)
            throw error
        }
    }
}
