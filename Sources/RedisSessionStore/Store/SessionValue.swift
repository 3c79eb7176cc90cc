#if Redis
internal import ParanoidSessions

/// What Redis keeps of a session: its encoded form, behind it a trailer: its form, who has changed it lately, and how the list of its user's
/// sessions names it.
struct SessionValue: Sendable, Equatable {
    /// How a list names a session; zeros when no user is logged in.
    ///
    /// The entry holds the generation of the change that made it: whoever takes an entry away late takes none that a later change has made.
    struct Listing: Sendable, Hashable {
        static let byteCount = 16

        /// Milliseconds since 1970.
        var until: UInt64 = 0
        var generation: UInt64 = 0

        func entry(of name: SessionName) -> [UInt8] { name.bytes + SessionValue.bytes(of: self.generation) }

        static func name(ofEntry entry: [UInt8]) -> SessionName? {
            entry.count == SessionName.byteCount + 8 ? SessionName(bytes: Array(entry.prefix(SessionName.byteCount))) : nil
        }
    }

    /// How many bytes at the beginning and the end tell two states apart: the head; the change that made it and the listing.
    private static let markByteCounts = (begin: 96, end: 32)

    /// The form of what stands behind the session.
    private enum Form: Equatable {
        /// Begins with "PST" and the version, 1.
        case first
        /// As it was before it had a version: it has no such beginning.
        case before

        static let byteCount = 4
        static let magic: [UInt8] = [0x50, 0x53, 0x54]
        static let version: UInt8 = 1

        var bytes: [UInt8] { self == .first ? Self.magic + [Self.version] : [] }

        /// The form of a trailer.
        init(ofTrailer bytes: ArraySlice<UInt8>) throws(Problem) {
            guard bytes.count >= Self.byteCount, bytes.starts(with: Self.magic) else {
                self = .before
                return
            }
            let version = bytes[bytes.startIndex + Self.magic.count]
            guard version <= Self.version else { throw .newer }
            guard version == Self.version else { throw .damaged }
            self = .first
        }
    }

    private let form: Form
    /// The session.
    let session: StoredSession
    /// How its user's list names it.
    let listing: Listing
    /// Who has changed it lately.
    let writers: RecentWriters

    init(_ session: StoredSession, listing: Listing, writers: RecentWriters = RecentWriters()) {
        self.form = .first
        self.session = session
        self.listing = listing
        self.writers = writers
    }

    /// Why bytes are no session.
    enum Problem: Error {
        /// A newer version of this software wrote it.
        case newer
        /// Nobody did.
        case damaged
    }

    init(_ bytes: [UInt8]) throws(Problem) {
        let head = unsafe bytes.withUnsafeBytes { unsafe StoredSession.decodeHead($0) }
        let end = StoredSession.headByteCount + (head?.payloadByteCount ?? 0)
        guard var session = head?.head, end <= bytes.count else {
            let magic = bytes.prefix(4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            if let version = StoredSession.formatVersion(ofMagic: magic), version > StoredSession.formatVersions.upperBound { throw .newer }
            throw .damaged
        }
        let form = try Form(ofTrailer: bytes[end...])
        let begin = end + form.bytes.count
        guard begin + Listing.byteCount <= bytes.count,
            let writers = RecentWriters(bytes[begin..<(bytes.count - Listing.byteCount)])
        else { throw .damaged }
        self.form = form
        session.payload = Array(bytes[StoredSession.headByteCount..<end])
        self.session = session
        self.writers = writers
        let trailer = bytes.suffix(Listing.byteCount)
        self.listing = Listing(
            until: trailer.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            generation: trailer.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        )
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            StoredSession.headByteCount + self.session.payload.count + Form.byteCount + RecentWriters.Entry.byteCount + 2
                * Listing.byteCount
        )
        self.session.encodeHead(into: &bytes)
        bytes.append(contentsOf: self.session.payload)
        bytes.append(contentsOf: self.form.bytes)
        bytes.append(contentsOf: self.writers.bytes)
        for number in [self.listing.until, self.listing.generation] { bytes.append(contentsOf: Self.bytes(of: number)) }
        return bytes
    }

    private static func bytes(of number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) } }

    /// What a script compares.
    static func mark(of bytes: [UInt8]) -> [UInt8] {
        Array(bytes.prefix(self.markByteCounts.begin)) + Array(bytes.suffix(self.markByteCounts.end))
    }

    var mark: [UInt8] { Self.mark(of: self.bytes) }
}

/// How long keys stay.
enum KeyLifetime {
    /// How long a session stays behind its expiry, in milliseconds: the clocks of hosts differ, and it is not the server that judges.
    static let slack: Int64 = 3_600_000
    /// How long a user's list stays behind the last session that it names.
    static let listSlack: Int64 = 30 * 86_400_000
    /// How long before a list's end a session is listed anew.
    static let listMargin: Int64 = 86_400_000
    /// How long a session that was set aside stays.
    static let aside: Int64 = 7 * 86_400_000
    private static let longest: Int64 = 200 * 365 * 86_400_000

    /// Milliseconds from `now` to an expiry, none for one that has passed.
    private static func rest(of expiry: Timestamp, now: Timestamp) -> Int64 {
        let (rest, isOver) = expiry.nanosecondsSinceEpoch.subtractingReportingOverflow(now.nanosecondsSinceEpoch)
        return isOver ? Self.longest : min(max(rest / 1_000_000, 0), Self.longest)
    }

    static func ofSession(expiringAt expiry: Timestamp, now: Timestamp) -> Int64 { self.rest(of: expiry, now: now) + self.slack }

    static func ofList(expiringAt expiry: Timestamp, now: Timestamp) -> Int64 { self.rest(of: expiry, now: now) + self.listSlack }

    /// Whether a list that ends then may end before a session does.
    static func mustListAgain(listedUntil: UInt64, expiringAt expiry: Timestamp) -> Bool {
        Int64(clamping: listedUntil) < expiry.nanosecondsSinceEpoch / 1_000_000 + self.listMargin
    }
}
#endif
