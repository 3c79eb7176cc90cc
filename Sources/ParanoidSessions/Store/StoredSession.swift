/// What a store keeps under a ``SessionName``: a head that is readable without any key, and bytes that are not.
///
/// The head holds just what sweeping and counting need. A store copies ``payload`` as it is; it can neither read nor judge it.
public struct StoredSession: Sendable, Hashable {
    /// Whether the session lives.
    public enum State: UInt8, Sendable {
        /// The session can be used.
        case live = 1
        /// The session ended; what is left is a tombstone that keeps its name from being used until ``StoredSession/expiresAt``.
        case ended = 2
    }

    /// How ``StoredSession/payload`` is protected.
    public enum Protection: UInt8, Sendable {
        /// Not at all; the store's own checksum finds damage, not tampering.
        case none = 0
        /// AES-256-GCM; name, generation and the rest of the head are its associated data.
        case sealed = 1
        /// Sealed in the same way, with a label before it that opens without the identifier; for sessions in which somebody is logged in.
        case labelled = 2
        /// No session but a login that a browser is remembered for, sealed.
        case remembered = 3
    }

    /// Whether the session lives.
    public var state: State
    /// How the payload is protected.
    public var protection: Protection
    /// The number of the server secret whose keys name and seal this session.
    public var secretNumber: UInt8
    /// Counts the writes of this session, from 1.
    ///
    /// A change carries the generation it replaces plus 1.
    public var generation: UInt64
    /// When the session began.
    public var createdAt: Timestamp
    /// When the session was last written.
    public var writtenAt: Timestamp
    /// From when on the session counts as absent, however long its bytes stay.
    public var expiresAt: Timestamp
    /// A keyed hash of the user who is logged in, 16 bytes; empty when nobody is.
    public var userTag: [UInt8]
    /// The protected bytes.
    public var payload: [UInt8]

    /// Creates a stored session from its parts.
    public init(
        state: State = .live,
        protection: Protection,
        secretNumber: UInt8,
        generation: UInt64,
        createdAt: Timestamp,
        writtenAt: Timestamp,
        expiresAt: Timestamp,
        userTag: [UInt8] = [],
        payload: [UInt8]
    ) {
        self.state = state
        self.protection = protection
        self.secretNumber = secretNumber
        self.generation = generation
        self.createdAt = createdAt
        self.writtenAt = writtenAt
        self.expiresAt = expiresAt
        self.userTag = userTag
        self.payload = payload
    }

    /// Whether this state is the first of a session that begins with it; a session that goes on under a new name began before.
    public var beginsNow: Bool { self.generation == 1 && self.createdAt == self.writtenAt }

    /// Whether the session can be used at `now`.
    public func isLive(at now: Timestamp) -> Bool {
        self.state == .live && now < self.expiresAt
    }
}
