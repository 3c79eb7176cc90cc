internal import Glibc

/// An exclusive `flock(2)` lock that is held for as long as the value exists.
///
/// The lock belongs to the open file, not to the thread: it does not keep apart tasks that share one ``OpenFile``. It disappears with the
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
    /// - Returns: The lock, or `nil` when another process or task holds it.
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

    /// The process that holds a lock on the file, for a log line (`/proc/locks`); `nil` when none does or the system does not say.
    package static func holder(of file: OpenFile) -> Int32? {
        guard let identity = try? file.status().identity, let text = ProcFile.contents(of: "/proc/locks") else { return nil }
        return LockTable.holder(of: identity, in: text)
    }
}

/// Pauses between tries for something that others hold for microseconds, growing from 50 µs to 2 ms up to a deadline.
package struct Backoff: Sendable {
    private static let first: Int64 = 50_000
    private static let longest: Int64 = 2_000_000
    /// How long a cancelled task may occupy its thread in all: it cannot suspend any more.
    private static let longestBlocking: Int64 = 50_000_000

    private let deadline: ContinuousClock.Instant
    private var next = Self.first
    private var blocked: Int64 = 0
    private var state: UInt64

    /// Creates pauses that end at `deadline`.
    package init(until deadline: ContinuousClock.Instant) {
        self.deadline = deadline
        self.state = UInt64(bitPattern: BootClock.now()) | 1
    }

    /// Suspends the caller for a moment, longer each time, and not beyond the deadline.
    ///
    /// `Task.sleep` returns at once in a cancelled task. Such a task must still be able to finish what it has begun, so its pauses hold the
    /// thread, for 50 ms in all.
    ///
    /// - Returns: `false`, without a pause, when there is no time left.
    package mutating func wait() async -> Bool {
        let now = ContinuousClock.now
        guard now < self.deadline else { return false }
        // Jitter, so that tasks that collided once do not collide for ever. Nothing secret: xorshift will do.
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        let length = self.next / 2 + Int64(self.state % UInt64(self.next))
        self.next = min(self.next * 2, Self.longest)
        let end = min(now.advanced(by: .nanoseconds(length)), self.deadline)
        if !Task.isCancelled, (try? await Task.sleep(until: end, tolerance: .zero, clock: .continuous)) != nil { return true }
        guard self.blocked < Self.longestBlocking else { return false }
        self.blocked += length
        usleep(UInt32(length / 1000))
        return true
    }
}

/// Reads the system's table of file locks, `/proc/locks` (pure; `proc_locks(5)`).
private enum LockTable {
    /// Finds the process that holds a `flock(2)` lock on a file.
    ///
    /// A line reads `7: FLOCK  ADVISORY  WRITE 4242 08:01:131075 0 EOF`; one with `->` after the number waits for the lock instead.
    static func holder(of identity: FileIdentity, in text: [UInt8]) -> Int32? {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count >= 6, words[1].elementsEqual("FLOCK".utf8) else { continue }
            let place = words[5].split(separator: UInt8(ascii: ":"))
            guard place.count == 3,
                let major = number(place[0], radix: 16), let minor = number(place[1], radix: 16), let inode = number(place[2], radix: 10),
                inode == identity.inode, self.device(major: major, minor: minor) == identity.device,
                let process = number(words[4], radix: 10), process > 0
            else { continue }
            return Int32(exactly: process)
        }
        return nil
    }

    /// The device number as `stat(2)` gives it (`makedev(3)`).
    static func device(major: UInt64, minor: UInt64) -> UInt64 {
        (major & 0xFFFF_F000) << 32 | (major & 0xFFF) << 8 | (minor & 0xFFFF_FF00) << 12 | (minor & 0xFF)
    }

    private static func number(_ digits: ArraySlice<UInt8>, radix: Int) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: radix)
    }
}
