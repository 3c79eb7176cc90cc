internal import ParanoidLinux

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
