/// A failure of a session store.
///
/// Switch on ``code``, with a `default`: it may grow in minor releases. The message is for people and may change at any time; it contains no
/// identifier, no secret and no value.
public struct SessionStoreError: Error, Sendable {
    /// The kind of failure.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// A session with this name exists already.
        case nameTaken
        /// A change was made to a session that is not there; sessions come to be by creation only.
        case gone
        /// Somebody else held the session for longer than the caller was willing to wait.
        case lockTimeout
        /// Too many callers wait for this session already.
        case tooManyWaiting
        /// The session is larger than the store allows.
        case tooLarge
        /// The stored bytes are not a session; they were moved aside.
        case damaged
        /// No space, no inodes or no quota is left.
        ///
        /// What was stored before is intact.
        case full
        /// The storage cannot be reached or written; trying again later may help.
        ///
        /// What was stored before is intact. A change may have happened all the same, where the store cannot tell.
        case unavailable
        /// The storage is not safe to use: wrong owner, wrong mode, not the expected kind of file.
        case refused
    }

    /// The kind of failure.
    public var code: Code
    /// What happened, for a log line.
    package var message: String
    /// The error that led to this one.
    package var cause: (any Error)?

    /// Creates an error.
    public init(_ code: Code, message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension SessionStoreError: CustomStringConvertible {
    /// Code, message and cause, for a log line.
    public var description: String {
        "\(self.code): \(self.message)" + (self.cause.map { " (\($0))" } ?? "")
    }
}
