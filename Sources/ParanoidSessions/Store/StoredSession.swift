/// What a store keeps under a ``SessionName``: a head that is readable without any key, and a payload that is not.
///
/// The head holds just what sweeping, counting and revoking need. A store that keeps bytes keeps ``encoded``, which is all of it.
public struct StoredSession: Sendable, Hashable {
    /// Whether the session lives.
    package enum State: UInt8, Sendable {
        /// The session can be used.
        case live = 1
        /// The session ended; what is left is a tombstone that keeps its name from being used until ``StoredSession/expiresAt``.
        case ended = 2
    }

    /// How ``StoredSession/payload`` is protected.
    package enum Protection: UInt8, Sendable {
        /// Not at all; the store's own checksum finds damage, not tampering.
        case none = 0
        /// AES-256-GCM; name, generation and the rest of the head are its associated data.
        case sealed = 1
        /// Sealed in the same way, with a label before it that opens without the identifier; for sessions in which somebody is logged in.
        case labelled = 2
        /// No session but a login that a browser is remembered for, sealed.
        case remembered = 3
        /// The same, with a label before it that opens without its name.
        case listed = 4
    }

    /// Whether the session lives.
    package var state: State
    /// How the payload is protected.
    package var protection: Protection
    /// The number of the server secret whose keys name and seal this session.
    package var secretNumber: UInt8
    /// The name of the session for people; it stays the same when the session goes on under another ``SessionName``.
    package var handle: SessionHandle
    /// The store's ``SessionStore/epoch()`` when the session began, in whatever place; one of an earlier epoch is absent.
    public var epoch: UInt64
    /// The store's ``SessionStore/loginEpoch`` when the request arrived that logged the user in; 0 when nobody is.
    ///
    /// One that is lower than the user's own (``SessionStore/endLogins(of:before:)``) is absent.
    public var loginEpoch: UInt64
    /// Counts the writes of this session, from 1.
    ///
    /// A change carries the generation it replaces plus 1.
    public var generation: UInt64
    /// When the session began.
    package var createdAt: Timestamp
    /// When the session was last written.
    package var writtenAt: Timestamp
    /// From when on the session counts as absent, however long its bytes stay.
    public var expiresAt: Timestamp
    /// What stands for the user who is logged in; `nil` when nobody is.
    public var userTag: UserTag?
    /// The protected bytes.
    package var payload: [UInt8]

    /// Creates a stored session from its parts.
    package init(
        state: State = .live,
        protection: Protection,
        secretNumber: UInt8,
        handle: SessionHandle,
        epoch: UInt64 = 0,
        loginEpoch: UInt64 = 0,
        generation: UInt64,
        createdAt: Timestamp,
        writtenAt: Timestamp,
        expiresAt: Timestamp,
        userTag: UserTag? = nil,
        payload: [UInt8]
    ) {
        self.state = state
        self.protection = protection
        self.secretNumber = secretNumber
        self.handle = handle
        self.epoch = epoch
        self.loginEpoch = loginEpoch
        self.generation = generation
        self.createdAt = createdAt
        self.writtenAt = writtenAt
        self.expiresAt = expiresAt
        self.userTag = userTag
        self.payload = payload
    }

    /// Whether this state is the first of a session that begins with it; a session that goes on under a new name began before.
    package var beginsNow: Bool { self.generation == 1 && self.createdAt == self.writtenAt }

    /// Whether it is no session but a login that a browser is remembered for.
    package var isRemembered: Bool { self.protection == .remembered || self.protection == .listed }

    /// Whether the session can be used at `now`.
    package func isLive(at now: Timestamp) -> Bool {
        self.state == .live && now < self.expiresAt
    }
}

// The binary form of a stored session, the same in every store that keeps bytes.
//
// | offset | bytes | what |
// |---|---|---|
// | 0 | 4 | magic and version |
// | 4 | 4 | state, protection, number of the secret, whether there is a user tag |
// | 8 | 8 | generation |
// | 16 | 24 | begun, written, expires: nanoseconds since 1970 |
// | 40 | 16 | user tag, or zeros |
// | 56 | 8 | bytes of payload |
// | 64 | 8 | handle |
// | 72 | 8 | epoch |
// | 80 | 8 | epoch of the login; from version 3 on |
// | 88 | 8 | zeros, for a later version |
//
// A session that has no epoch of a login is written in version 2, so that a release that was put back reads it.
// All numbers are big-endian. Magic, version, generation and length stay where they are in all versions.
extension StoredSession {
    /// The number of bytes of an encoded head.
    package static let headByteCount = 96
    /// The versions of the form that this code reads; it writes the oldest that says all.
    package static let formatVersions: ClosedRange<UInt8> = 2...3

    /// "PSS" and the version.
    private static func magic(_ version: UInt8) -> UInt32 { 0x5053_5300 | UInt32(version) }

    /// Which version of the form a head has by its first bytes; `nil` when it is none.
    package static func formatVersion(ofMagic magic: UInt32) -> UInt8? {
        magic & ~0xFF == 0x5053_5300 ? UInt8(truncatingIfNeeded: magic) : nil
    }

    private var formatVersion: UInt8 { self.loginEpoch == 0 ? 2 : 3 }

    /// Where the number of bytes of payload stands in a head.
    package static let payloadByteCountOffset = 56
    /// Where the generation stands in a head.
    package static let generationOffset = 8

    /// The whole session as bytes: a head of 96 bytes, then the payload; its size is the session's.
    ///
    /// It has no checksum: a store that may lose or mix bytes adds its own.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headByteCount + self.payload.count)
        self.encodeHead(into: &bytes)
        bytes.append(contentsOf: self.payload)
        return bytes
    }

    /// Creates a session from ``encoded``; `nil` when the bytes are no session, as of another version of this package.
    public init?(encoded bytes: [UInt8]) {
        guard let (head, payloadByteCount) = unsafe bytes.withUnsafeBytes({ unsafe Self.decodeHead($0) }),
            bytes.count == Self.headByteCount + payloadByteCount
        else { return nil }
        self = head
        self.payload = Array(bytes[Self.headByteCount...])
    }

    /// Appends the head.
    package func encodeHead(into bytes: inout [UInt8]) {
        unsafe self.head(payloadByteCount: self.payload.count).withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Writes the whole session to the beginning of a buffer that has room for it.
    package func encode(into buffer: UnsafeMutableRawBufferPointer) {
        unsafe self.head(payloadByteCount: self.payload.count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        unsafe self.payload.withUnsafeBytes { payload in
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[Self.headByteCount...]).copyMemory(from: payload)
        }
    }

    /// What the seal of the payload authenticates beside it: the head and the name, so that neither can be changed nor exchanged.
    func sealContext(named name: SessionName, payloadByteCount: Int) -> SecretBytes<128> {
        var context = SecretBytes<128>()
        context.replace(at: 0, with: self.head(payloadByteCount: payloadByteCount))
        context.replace(at: Self.headByteCount, with: name.secret)
        return context
    }

    private func head(payloadByteCount: Int) -> SecretBytes<96> {
        var head = SecretBytes<96>()
        head.replace(at: 0, withBigEndian: Self.magic(self.formatVersion))
        head[4] = self.state.rawValue
        head[5] = self.protection.rawValue
        head[6] = self.secretNumber
        head[7] = self.userTag == nil ? 0 : 1
        head.replace(at: Self.generationOffset, withBigEndian: self.generation)
        head.replace(at: 16, withBigEndian: UInt64(bitPattern: self.createdAt.nanosecondsSinceEpoch))
        head.replace(at: 24, withBigEndian: UInt64(bitPattern: self.writtenAt.nanosecondsSinceEpoch))
        head.replace(at: 32, withBigEndian: UInt64(bitPattern: self.expiresAt.nanosecondsSinceEpoch))
        if let tag = self.userTag { head.replace(at: 40, with: tag.secret) }
        head.replace(at: Self.payloadByteCountOffset, withBigEndian: UInt64(payloadByteCount))
        head.replace(at: 64, withBigEndian: self.handle.number)
        head.replace(at: 72, withBigEndian: self.epoch)
        head.replace(at: 80, withBigEndian: self.loginEpoch)
        return head
    }

    /// Parses an encoded head and says how many bytes of payload follow; `nil` for anything that ``encodeHead(into:)`` does not write.
    package static func decodeHead(_ bytes: UnsafeRawBufferPointer) -> (head: StoredSession, payloadByteCount: Int)? {
        guard bytes.count >= Self.headByteCount else { return nil }
        func word(_ offset: Int) -> UInt64 {
            unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard let version = unsafe Self.formatVersion(ofMagic: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))),
            Self.formatVersions ~= version,
            let state = unsafe State(rawValue: bytes[4]),
            let protection = unsafe Protection(rawValue: bytes[5]),
            unsafe bytes[7] <= 1,
            word(Self.payloadByteCountOffset) <= UInt64(Int32.max),
            (word(80) == 0) == (version == 2),
            word(88) == 0
        else { return nil }
        let head = unsafe StoredSession(
            state: state,
            protection: protection,
            secretNumber: bytes[6],
            handle: SessionHandle(number: word(64)),
            epoch: word(72),
            loginEpoch: word(80),
            generation: word(Self.generationOffset),
            createdAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: word(16))),
            writtenAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: word(24))),
            expiresAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: word(32))),
            userTag: bytes[7] == 1 ? SecretBytes<16>(UnsafeRawBufferPointer(rebasing: bytes[40..<56])).map(UserTag.init) : nil,
            payload: []
        )
        return (head, Int(word(Self.payloadByteCountOffset)))
    }
}
