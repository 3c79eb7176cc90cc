/// One of a user's sessions, as a list of them shows it.
public struct SessionListing: Sendable, Hashable {
    /// What revokes it.
    public var handle: SessionHandle
    /// When the session began.
    package var createdAt: Timestamp
    /// When the user logged in; `nil` where the record's label cannot be read.
    public var loggedInAt: Timestamp?
    /// When it was last written: at its last request that changed anything, the guard's own data included.
    public var writtenAt: Timestamp
    /// From when on it counts as absent if it is not written again.
    package var expiresAt: Timestamp
    /// What the application noted of the device.
    public var device: SessionDevice?
    /// Whether it is the session that asks.
    public var isCurrent = false
}
