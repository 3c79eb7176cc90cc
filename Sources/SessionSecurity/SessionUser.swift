/// Who is logged in, and since when.
public struct SessionUser: Sendable, Hashable {
    /// The application's name for the user.
    public var name: String
    /// When the user last proved to be it.
    public var loggedInAt: Timestamp
    /// What the application noted of the device.
    public var device: SessionDevice?

    /// Creates a login.
    public init(name: String, loggedInAt: Timestamp, device: SessionDevice? = nil) {
        self.name = name
        self.loggedInAt = loggedInAt
        self.device = device
    }
}
