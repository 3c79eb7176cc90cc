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

extension ApplicationConfiguration {
    /// Settings of an application of one test: its state is in a directory that goes when the application has gone.
    ///
    /// - Parameter settings: Further settings by name, such as `["PARANOID_BODY_LIMIT": "1024"]`.
    /// - Throws: ``ConfigurationError`` for a setting that cannot be used; the error of the system call when the directory cannot be made.
    public static func testing(_ settings: [String: String] = [:]) throws -> ApplicationConfiguration {
        let directory = try TemporaryDirectory()
        var configuration = try ApplicationConfiguration(
            environment: settings.merging(["STATE_DIRECTORY": directory.path]) { given, _ in given }
        )
        configuration.lifetime = directory
        return configuration
    }
}

extension Application {
    /// Tests the application in this process, without the web server, sockets or workers.
    ///
    /// Hooks run before and after the body as in a process that serves alone; services do not run.
    ///
    /// - Parameter body: Gets a client with an empty cookie jar; further ones are `TestClient(app)`.
    /// - Throws: What the body throws.
    public func test(_ body: (inout TestClient) async throws -> Void) async throws {
        try await self.living(as: .alone) {
            var client = TestClient(self)
            try await body(&client)
        }
    }
}

/// Makes an empty store in memory, for the argument `store` of `Application`; its sessions die with the process.
public func makeMemorySessionStore() -> any SessionStore { MemorySessionStore() }
