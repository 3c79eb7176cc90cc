/// What a sweep found and did.
public struct SweepReport: Sendable, Hashable {
    /// Entries looked at.
    public var examined = 0
    /// Live sessions among them.
    public var live = 0
    /// Expired sessions and tombstones removed.
    public var removed = 0
    /// Expired entries left for later because somebody held them.
    public var skipped = 0
    /// Leftovers of interrupted work removed (temporary files and the like).
    public var leftovers = 0
    /// Whether the sweep came to the end of the store; the next one starts anew.
    public var isComplete = false

    /// Creates an empty report.
    public init() {}

    /// Adds the figures of a later part of the same sweep.
    public mutating func add(_ other: SweepReport) {
        self.examined += other.examined
        self.live += other.live
        self.removed += other.removed
        self.skipped += other.skipped
        self.leftovers += other.leftovers
        self.isComplete = other.isComplete
    }
}
