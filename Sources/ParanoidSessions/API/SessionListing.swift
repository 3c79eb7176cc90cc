/// One of a user's sessions, or a browser that a user is remembered by, as a list of them shows it.
public struct SessionListing: Sendable, Hashable {
    /// What a list names.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A session in which the user is logged in.
        case session
        /// A browser that may log the user in without a password, see ``Session/rememberMe(device:)``.
        case rememberedLogin = "remembered login"
    }

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
    /// What it is.
    public var kind = Kind.session
    /// Whether it is the session that asks.
    public var isCurrent = false
    /// Whether two parties were found to hold copies of its cookies, so that it waits for its user.
    package var isWithheld = false

    /// Whether it is one of those that a user may have so many of.
    var countsForLimit: Bool { self.kind == .session && !self.isWithheld }
}
