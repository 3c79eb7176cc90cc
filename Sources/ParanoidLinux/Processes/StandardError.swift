internal import Glibc

/// Ends a program that cannot start.
package enum ProcessExit {
    /// Writes bytes to standard error in one call (`write(2)`), so that lines of several processes stay whole; what cannot be written is lost.
    package static func report(_ bytes: [UInt8]) {
        _ = unsafe bytes.withUnsafeBytes { bytes in unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    /// Writes one line to standard error and ends the process; handlers of `atexit(3)` run.
    package static func fail(_ message: String, code: CInt) -> Never {
        let line = message + "\n"
        _ = unsafe line.withCString { text in unsafe write(STDERR_FILENO, text, strlen(text)) }
        exit(code)
    }
}

/// A file that standard error goes to, so that crash reports and what libraries print are in it too.
package struct LogFile: Sendable, Hashable {
    /// Where it is.
    package let path: String

    /// Names a file; nothing is opened yet.
    package init(_ path: String) {
        self.path = path
    }

    /// Opens the file, for appending, and puts it in the place of standard error (`dup2(2)`); again after it was renamed.
    ///
    /// A file that is not there is made with mode 0600. A symbolic link is refused. Nothing is changed when this fails.
    ///
    /// - Parameter owner: Whose a new file is to be; only root can choose.
    /// - Throws: ``SystemCallError``.
    package func openAsStandardError(owner: ProcessIdentity? = nil) throws(SystemCallError) {
        let flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY
        var number = unsafe open(self.path, flags)
        if number < 0, errno == ENOENT {
            number = unsafe open(self.path, flags | O_CREAT | O_EXCL, 0o600)
            if number >= 0, let owner { _ = fchown(number, owner.user, owner.group) }
            // Several processes reopen at once, and one of them is the first.
            if number < 0, errno == EEXIST { number = unsafe open(self.path, flags) }
        }
        guard number >= 0 else { throw SystemCallError("open") }
        let file = OwnedDescriptor(owning: number)
        guard file.number != STDERR_FILENO else {
            // Standard error was closed, and the file has got its number.
            _ = fcntl(file.take(), F_SETFD, 0)
            return
        }
        // dup2 closes standard error's former file and leaves close-on-exec off.
        guard dup2(file.number, STDERR_FILENO) == STDERR_FILENO else { throw SystemCallError("dup2") }
    }
}
