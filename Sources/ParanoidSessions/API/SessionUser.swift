/// Who is logged in, since when, and how surely.
public struct SessionUser: Sendable, Hashable {
    /// The application's name for the user.
    public var name: String
    /// When the user logged in.
    public var loggedInAt: Timestamp
    /// When the user last proved to be it: at the login, or at a step-up since.
    public var authenticatedAt: Timestamp
    /// How surely the user proved to be it.
    public var level: AssuranceLevel
    /// What the application noted of the device.
    public var device: SessionDevice?

    /// Creates a login.
    public init(
        name: String,
        loggedInAt: Timestamp,
        authenticatedAt: Timestamp? = nil,
        level: AssuranceLevel = .password,
        device: SessionDevice? = nil
    ) {
        self.name = name
        self.loggedInAt = loggedInAt
        self.authenticatedAt = authenticatedAt ?? loggedInAt
        self.level = level
        self.device = device
    }
}
