internal import Glibc

/// An exclusive `flock(2)` lock that is held for as long as the value exists.
///
/// The lock belongs to the open file, not to the thread: it does not keep apart those who share one ``OpenFile``. It disappears with the
/// process, so a crashed worker leaves nothing to clean up.
package struct FileLock: ~Copyable, Sendable {
    private let file: OpenFile

    private init(holding file: OpenFile) {
        self.file = file
    }

    deinit {
        FileLock.unlock(self.file)
    }

    /// Locks an open file without waiting.
    ///
    /// - Returns: The lock, or `nil` when somebody else holds it.
    /// - Throws: ``SystemCallError`` from `flock(2)` for any other failure.
    package static func acquireIfAvailable(on file: OpenFile) throws(SystemCallError) -> FileLock? {
        try self.tryLock(file) ? FileLock(holding: file) : nil
    }

    /// Locks an open file; the caller suspends while others hold it.
    ///
    /// - Parameters:
    ///   - file: The file. No other task of this process may lock it through the same value meanwhile.
    ///   - timeout: How long to wait.
    /// - Returns: The lock, or `nil` when timeout ran out.
    package static func acquire(on file: OpenFile, timeout: Duration) async throws(SystemCallError) -> FileLock? {
        if let lock = try self.acquireIfAvailable(on: file) { return lock }
        var pause = Backoff(until: .now.advanced(by: timeout))
        while await pause.wait() {
            if let lock = try self.acquireIfAvailable(on: file) { return lock }
        }
        return nil
    }

    /// Tries to take the lock for a caller that keeps account of it itself.
    ///
    /// - Returns: Whether the lock is held now.
    package static func tryLock(_ file: OpenFile) throws(SystemCallError) -> Bool {
        while flock(file.number, LOCK_EX | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw SystemCallError("flock")
            }
        }
        return true
    }

    /// Gives up a lock taken with ``tryLock(_:)``.
    package static func unlock(_ file: OpenFile) {
        // Unlocking an open file cannot fail but for EINTR.
        while flock(file.number, LOCK_UN) != 0 && errno == EINTR {}
    }

    /// The process that holds a lock on the file, for a log line (`/proc/locks`); `nil` when nobody does or the system does not say.
    package static func holder(of file: OpenFile) -> Int32? {
        guard let identity = try? file.status().identity, let text = ProcFile.contents(of: "/proc/locks") else { return nil }
        return LockTable.holder(of: identity, in: text)
    }
}
