internal import CLinux
internal import Glibc
internal import Synchronization

/// Standard error, where log lines go.
///
/// A reader that has stopped, of a pipe, of the journal's socket or of a terminal, must not stop this program: lines that it does not take are
/// lost and counted.
package enum StandardError {
    /// How many milliseconds the first line waits that the reader does not take; the others wait not at all until it takes one again.
    private static let patience: CInt = 200
    /// A longer piece can wait although the reader of a pipe has room (`PIPE_BUF`, pipe(7)).
    private static let longestPiece = 4096
    private static let lost = Mutex(0)

    /// Writes a line, in one call so that lines of several processes stay whole; one that cannot be written within 200 ms is lost.
    ///
    /// - Parameter notice: The line that says how many were lost; it goes before the first line that can be written again.
    package static func write(_ line: [UInt8], notice: (_ lost: Int) -> [UInt8] = { _ in [] }) {
        self.lost.withLock { lost in
            if lost > 0 {
                guard self.put(notice(lost), waiting: 0) else {
                    lost += 1
                    return
                }
            }
            lost = self.put(line, waiting: lost > 0 ? 0 : self.patience) ? 0 : lost + 1
        }
    }

    private static func put(_ bytes: [UInt8], waiting: CInt) -> Bool {
        var done = 0
        while done < bytes.count {
            var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
            let ready = unsafe poll(&entry, 1, waiting)
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { return false }
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe clinux_write_now(STDERR_FILENO, bytes.baseAddress! + done, min(bytes.count - done, self.longestPiece))
            }
            if count < 0 && (errno == EINTR || errno == EAGAIN && waiting > 0) { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}

/// Standard output, as `print` writes to it.
package enum StandardOutput {
    /// Writes what is in its buffer (`fflush(3)`).
    ///
    /// - Throws: ``SystemCallError`` when this or an earlier part could not be written.
    package static func flush() throws(SystemCallError) {
        guard clinux_flush_output() == 0 else { throw SystemCallError("write") }
    }
}

/// Ends a program that cannot start.
package enum ProcessExit {
    /// Writes one line to standard error and ends the process; handlers of `atexit(3)` run.
    package static func fail(_ message: String, code: CInt) -> Never {
        StandardError.write(Array("\(message)\n".utf8))
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
    /// A file that is not there is made with mode 0600. A symbolic link is refused, and a pipe that nobody reads. `/dev/stdout` and `/dev/stderr`
    /// mean what this process has there. Nothing is changed when this fails.
    ///
    /// - Throws: ``SystemCallError``.
    package func openAsStandardError() throws(SystemCallError) {
        try Self.openAsStandardError(self.path, owner: nil)
    }

    /// The same for a process of root's that works for a user, whose a new file is then; see ``ReachedDirectory``.
    package func openAsStandardError(for user: ProcessIdentity) throws(ReachedDirectory.Failure) {
        guard self.path != "/dev/stderr", self.path != "/dev/stdout" else {
            do throws(SystemCallError) { return try self.openAsStandardError() } catch { throw .system(error, path: self.path) }
        }
        let place = try ReachedDirectory(of: self.path, for: user, making: nil)
        do throws(SystemCallError) {
            try place.acting { () throws(SystemCallError) in
                try Self.openAsStandardError(place.path, owner: place.isRoots ? user : nil)
            }
        } catch {
            throw .system(error, path: self.path)
        }
    }

    /// - Parameter owner: Whose a new file is to be; `nil`: this process's.
    private static func openAsStandardError(_ path: String, owner: ProcessIdentity?) throws(SystemCallError) {
        if path == "/dev/stderr" { return }
        if path == "/dev/stdout" {
            guard dup2(STDOUT_FILENO, STDERR_FILENO) == STDERR_FILENO else { throw SystemCallError("dup2") }
            return
        }
        // A pipe without a reader would hold the process here.
        let flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        var number = unsafe open(path, flags)
        if number < 0, errno == ENOENT {
            number = unsafe open(path, flags | O_CREAT | O_EXCL, 0o600)
            if number >= 0, let owner { _ = fchown(number, owner.user, owner.group) }
            // Several processes reopen at once, and one of them is the first.
            if number < 0, errno == EEXIST { number = unsafe open(path, flags) }
        }
        guard number >= 0 else { throw SystemCallError("open") }
        let file = OwnedDescriptor(owning: number)
        _ = fcntl(file.number, F_SETFL, O_APPEND)
        guard file.number != STDERR_FILENO else {
            // Standard error was closed, and the file has got its number.
            _ = fcntl(file.take(), F_SETFD, 0)
            return
        }
        // dup2 closes standard error's former file and leaves close-on-exec off.
        guard dup2(file.number, STDERR_FILENO) == STDERR_FILENO else { throw SystemCallError("dup2") }
    }
}
