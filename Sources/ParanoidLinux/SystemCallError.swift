internal import Glibc

/// A system call that failed.
package struct SystemCallError: Error, Sendable, Hashable {
    /// The name of the call, as in its manual page.
    package let call: String
    /// The value of `errno` after the call.
    package let code: CInt

    /// Captures `errno`, so it has to be the first thing after the failed call.
    package init(_ call: StaticString) {
        self.code = errno
        self.call = String(describing: call)
    }

    /// Names an error that a call reported in another way than through `errno`.
    package init(_ call: StaticString, code: CInt) {
        self.code = code
        self.call = String(describing: call)
    }
}

extension SystemCallError: CustomStringConvertible {
    /// The call and the system's words for the error, for a log line.
    package var description: String {
        unsafe "\(self.call): \(String(cString: strerror(self.code)))"
    }
}

// What callers that do not know errno ask about an error.
extension SystemCallError {
    /// No space, no inodes or no quota is left.
    package var isOutOfSpace: Bool { self.code == ENOSPC || self.code == EDQUOT }
    /// The process or the system has no descriptors left.
    package var isOutOfDescriptors: Bool { self.code == EMFILE || self.code == ENFILE }
    /// Something with the name is there already.
    package var isAlreadyThere: Bool { self.code == EEXIST }
    /// A part of the path is not there.
    package var isAbsent: Bool { self.code == ENOENT }
    /// Something else than a file of ours has the name: a symbolic link, a directory, a socket, a file we may not read.
    package var isWrongKind: Bool {
        [ELOOP, EXDEV, EISDIR, ENOTDIR, ENXIO, ENODEV, EACCES, EPERM].contains(self.code)
    }
    /// The call will succeed once another process has caught up.
    package var isTemporaryShortage: Bool { [EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS, EINTR].contains(self.code) }
    /// The file system takes no changes.
    package var isReadOnly: Bool { self.code == EROFS }

    /// The error for memory that is smaller than it has to be.
    package static let tooFewPages = SystemCallError("mmap", code: EINVAL)
    /// The error of a peer that ended before it had said everything.
    package static let unexpectedEnd = SystemCallError("read", code: ECONNRESET)
    /// The error of a call on a file that was opened for reading only.
    package static let readOnly = SystemCallError("pwrite", code: EROFS)
    /// The error of a disk that does not answer, for tests that inject it.
    package static let inputOutput = SystemCallError("pwrite", code: EIO)
    /// The error of a disk that is full, for tests that inject it.
    package static let noSpace = SystemCallError("pwrite", code: ENOSPC)
}
