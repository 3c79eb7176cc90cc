internal import ParanoidLinux

/// Where the next sweep goes on.
struct SweepCursor: ~Copyable, Sendable {
    /// A directory to be looked at.
    enum Place: Sendable {
        case sessions(shard: Int)
        case users(shard: String)
        case epochs(shard: String)
        case damaged
    }

    var place = Place.sessions(shard: 0)
    /// The entries of the place; `nil` before its first and after its last.
    var reader: DirectoryReader?
    /// The shards of users, or of the numbers of ended logins, that are still to come.
    var rest: [String] = []
    /// Anonymous sessions found since the first shard, and how many had been made by then.
    var anonymous = 0
    var madeBefore: UInt64 = 0
}
