public import ParanoidFastCGI
internal import ParanoidLinux
internal import Synchronization

/// A directory for one test, removed with all it contains when the value goes away.
public final class TemporaryDirectory: Sendable {
    /// The absolute path.
    public let path: String

    /// Creates an empty directory with mode 0700 below `parent`.
    ///
    /// - Throws: The error of the system call that failed.
    public init(in parent: String = "/tmp") throws {
        self.path = try ScratchDirectory.make(in: parent)
    }

    deinit {
        ScratchDirectory.removeTree(at: self.path)
    }
}

/// A clock of sessions that stands still until a test moves it.
public final class ManualClock: SessionClock {
    private let time: Mutex<Timestamp>

    /// Creates a clock that shows `start`.
    public init(at start: Timestamp = Timestamp(secondsSinceEpoch: 1_800_000_000)) {
        self.time = Mutex(start)
    }

    /// The time that the clock shows.
    public var now: Timestamp { self.time.withLock { $0 } }

    /// Moves the clock by a duration, back when it is negative.
    public func advance(by duration: Duration) {
        self.time.withLock { $0 = $0.advanced(by: duration) }
    }
}

/// Makes an empty store in memory, for the argument `store` of `Application`; its sessions die with the process.
public func makeMemorySessionStore() -> any SessionStore { MemorySessionStore() }
