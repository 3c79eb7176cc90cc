/// What a sweep found and did.
public struct SweepReport: Sendable, Hashable {
    /// Entries looked at.
    public var examined = 0
    /// Live sessions among them.
    public var live = 0
    /// Live sessions among them in which nobody is logged in.
    public var anonymous = 0
    /// Expired sessions and tombstones removed.
    public var removed = 0
    /// Expired entries left for later because somebody held them.
    package var skipped = 0
    /// Leftovers of interrupted work removed (temporary files and the like).
    package var leftovers = 0
    /// By how much the longest overdue entry met was overdue.
    package var oldestOverdue: Duration?
    /// Bytes that can still be written; `nil` where the store cannot tell.
    package var bytesFree: UInt64?
    /// Sessions that can still be made as far as inodes go; `nil` where the store cannot tell.
    package var inodesFree: UInt64?
    /// Sessions of users among those removed that had lived until their time was over; ``add(_:)`` does not gather them.
    package var expired: [Expired] = []
    /// Whether the sweep came to the end of the store; the next one starts anew.
    public var isComplete = false

    /// A session whose time was over.
    package struct Expired: Sendable, Hashable {
        /// Its name in logs, events and tools.
        package let handle: SessionHandle
        /// When its time was over.
        package let at: Timestamp

        /// Describes a session.
        package init(handle: SessionHandle, at: Timestamp) {
            self.handle = handle
            self.at = at
        }
    }

    /// Creates an empty report.
    public init() {}

    /// Adds the figures of a later part of the same sweep.
    package mutating func add(_ other: SweepReport) {
        self.examined += other.examined
        self.live += other.live
        self.anonymous += other.anonymous
        self.removed += other.removed
        self.skipped += other.skipped
        self.leftovers += other.leftovers
        self.oldestOverdue = [self.oldestOverdue, other.oldestOverdue].compactMap { $0 }.max()
        self.bytesFree = other.bytesFree ?? self.bytesFree
        self.inodesFree = other.inodesFree ?? self.inodesFree
        self.isComplete = other.isComplete
    }
}
