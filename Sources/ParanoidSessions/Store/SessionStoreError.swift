/// A failure of a session store.
///
/// Switch on ``code``; it grows only in minor releases. ``message`` is for people and may change at any time; it contains no
/// identifier, no secret and no value.
public struct SessionStoreError: Error, Sendable {
    /// The kind of failure.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case nameTaken
            case gone
            case lockTimeout
            case tooManyWaiting
            case tooLarge
            case damaged
            case full
            case unavailable
            case refused
        }

        private let kind: Kind

        /// A session with this name exists already.
        public static let nameTaken = Self(kind: .nameTaken)
        /// A change was made to a session that is not there; sessions come to be by creation only.
        public static let gone = Self(kind: .gone)
        /// Somebody else held the session for longer than the caller was willing to wait.
        public static let lockTimeout = Self(kind: .lockTimeout)
        /// Too many callers wait for this session already.
        public static let tooManyWaiting = Self(kind: .tooManyWaiting)
        /// The session is larger than the store allows.
        public static let tooLarge = Self(kind: .tooLarge)
        /// The stored bytes are not a session; they were moved aside.
        public static let damaged = Self(kind: .damaged)
        /// No space, no inodes or no quota is left.
        ///
        /// What was stored before is intact.
        public static let full = Self(kind: .full)
        /// The storage cannot be reached or written; trying again later may help.
        ///
        /// What was stored before is intact.
        public static let unavailable = Self(kind: .unavailable)
        /// The storage is not safe to use: wrong owner, wrong mode, not the expected kind of file.
        public static let refused = Self(kind: .refused)

        /// The name of the code.
        public var description: String { self.kind.rawValue }
    }

    /// The kind of failure.
    public var code: Code
    /// What happened, for a log line.
    public var message: String
    /// The error that led to this one.
    public var cause: (any Error)?

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
