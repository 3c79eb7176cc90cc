/// How long a session lives between two uses.
public enum SessionLifetime: Sendable, Hashable {
    /// As the settings say (`SESSION_COOKIE_AGE`, `SESSION_ANONYMOUS_AGE`).
    case standard
    /// For a time after its last use, in profile `compatible` after its last write; a fraction of a second is cut off.
    case idle(Duration)
    /// As the settings say, and the cookies end when the browser is closed.
    case untilBrowserCloses

    /// The number in a record: whole seconds, 0 until the browser is closed; `nil` where the settings count.
    package var recordedSeconds: Int64? {
        switch self {
        case .standard: nil
        case .idle(let time): time.components.seconds
        case .untilBrowserCloses: 0
        }
    }

    /// Reads the number in a record.
    package init(recordedSeconds seconds: Int64?) {
        switch seconds {
        case nil: self = .standard
        case 0?: self = .untilBrowserCloses
        case let seconds?: self = .idle(.seconds(seconds))
        }
    }
}

/// How long a session goes on.
public struct SessionTimeLeft: Sendable, Hashable {
    /// Until it ends if it is not used again.
    public var idle: Duration
    /// Until it ends however much it is used; `nil` when it has no such end.
    public var absolute: Duration?

    /// Creates a time left.
    package init(idle: Duration, absolute: Duration?) {
        self.idle = idle
        self.absolute = absolute
    }
}
