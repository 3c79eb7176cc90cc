// What the sweeper writes down about a session that lives, so that the next sweep need not open its file (pure).
internal import ParanoidSessions

/// Until when a session lives if nobody writes to its file, noted in the time of modification of that file.
///
/// Nearly all sessions are at rest and live, so a sweep should cost one look at each name. The sweeper that has read the head of such a session
/// sets the file's time of modification to a time in the future: that of the session's end, with the rest of the note in the nanoseconds. Every
/// write sets it to the present again, so a note cannot outlive the state that it is about, and those who use the session do nothing for it.
/// No more depends on a note than when a sweep opens the file again.
struct SweepNote: Sendable, Hashable {
    private static let epochCount: UInt64 = 1 << 18
    /// What the last three digits are, so that neither a plain time nor a rounded one is a note.
    private static let mark: Int64 = 729
    private static let second: Int64 = 1_000_000_000
    /// How far in the future a note has to lie to be believed: clocks are set back by less, or by far more at random nanoseconds.
    private static let distance: Int64 = 60 * second
    /// How long nobody must have written before a note is worth its system calls.
    static let rest: Int64 = 60 * second
    /// The longest time that is noted: what did not change for so long is read again.
    private static let longest: Int64 = 30 * 86_400 * second
    /// The same for a session of a user.
    ///
    /// It may end by the user's number, which a note knows nothing of and which is kept for 30 days.
    private static let longestOfUser: Int64 = 86_400 * second

    /// The time of modification that says all of it, in nanoseconds since the Unix epoch.
    let modificationTime: Int64

    /// What is there.
    var glimpse: Glimpse { Glimpse(rawValue: Int(self.number % 3)) ?? .ofUser }

    private var number: UInt64 { UInt64(self.modificationTime % Self.second / 1000) }

    /// Reads a time of modification; `nil` when it is no note, or none that says that the session lives.
    ///
    /// - Parameters:
    ///   - modificationTime: Of the file.
    ///   - wall: The time by the clock that file systems use.
    ///   - now: The time that ends sessions.
    ///   - epoch: Sessions of an earlier epoch have ended.
    init?(_ modificationTime: Int64, wall: Int64, now: Timestamp, epoch: UInt64) {
        self.modificationTime = modificationTime
        guard modificationTime > 0, modificationTime % 1000 == Self.mark, modificationTime - Self.distance > wall,
            modificationTime > now.nanosecondsSinceEpoch, self.number / 3 == epoch % Self.epochCount
        else { return nil }
    }

    /// A note about a session that lives at `now`; `nil` when its end is too near, or when it was written lately.
    init?(_ session: StoredSession, writtenAt: Int64, wall: Int64) {
        let longest = session.userTag == nil ? Self.longest : Self.longestOfUser
        let end = max(0, min(session.expiresAt.nanosecondsSinceEpoch, wall + longest)) / Self.second - 1
        let number = 3 * (session.epoch % Self.epochCount) + UInt64(Glimpse(session).rawValue)
        self.modificationTime = end * Self.second + Int64(number) * 1000 + Self.mark
        guard wall - writtenAt > Self.rest, end * Self.second > wall + 2 * Self.distance else { return nil }
    }
}

/// What a sweep needs to know of a session that need not be removed.
enum Glimpse: Int, Sendable {
    case ofUser
    case anonymous
    /// It has ended and says so for a while.
    case tombstone

    init(_ session: StoredSession) {
        self = session.state != .live ? .tombstone : session.userTag == nil ? .anonymous : .ofUser
    }
}
