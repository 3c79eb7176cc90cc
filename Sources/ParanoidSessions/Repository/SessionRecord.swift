/// What the server remembers of a session.
public struct SessionRecord: Sendable, Hashable {
    /// When the session began; rotation does not change it.
    public var createdAt: Timestamp
    /// What the guard remembers; `nil` for a session that only unchecked requests have used so far.
    package var tracking: SessionTracking?
    /// The application's values.
    public var values: SessionValues
    /// The session's own lifetime in seconds, if it has one; 0 lets its cookies end with the browser.
    public var lifetime: Int?
    /// Who is logged in.
    package var user: SessionUser?
    /// Parts that a newer version of this code has written: kept as they are, so that nothing is lost while versions change.
    var unknownParts: [UnknownPart] = []

    struct UnknownPart: Sendable, Hashable {
        var kind: UInt8
        var bytes: [UInt8]
    }

    /// Creates a record.
    package init(
        createdAt: Timestamp,
        tracking: SessionTracking? = nil,
        values: SessionValues = SessionValues(),
        lifetime: Int? = nil,
        user: SessionUser? = nil
    ) {
        self.createdAt = createdAt
        self.tracking = tracking
        self.values = values
        self.lifetime = lifetime
        self.user = user
    }
}
