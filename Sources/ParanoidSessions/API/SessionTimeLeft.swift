/// How long a session goes on.
public struct SessionTimeLeft: Sendable, Hashable {
    /// Until it ends if it is not used again.
    public var idle: Duration
    /// Until it ends however much it is used; `nil` when it has no such end.
    public var absolute: Duration?

    /// Creates a time left.
    public init(idle: Duration, absolute: Duration?) {
        self.idle = idle
        self.absolute = absolute
    }
}
