/// What the guard remembers of a session in order to recognise its owner.
///
/// The application can neither read nor write it.
package struct SessionTracking: Sendable, Hashable {
    /// The fingerprint of the client the session is bound to.
    package var fingerprint: Fingerprint
    /// The seed of the session's nonces; it survives the rotation of the identifier.
    var seed: SecretBytes<24>
    /// Where the stream of nonces stands.
    package var position: UInt64
    /// When the current nonce was issued; `nil` when none was yet.
    package var nonceIssuedAt: Timestamp?
    /// When the identifier was last replaced.
    package var identifierIssuedAt: Timestamp
    /// The key demanded on secure connections, once there is one.
    package var secureKey: SecureKey?
    /// The values shown and given (profile `paranoid`); `nil` where the stream's positions count.
    package var chain: RotationChain?
    /// The identifier before this one, as long as the client has not shown this one.
    package var predecessor: Predecessor?

    /// What is known of the client's signals.
    package var known = KnownSignals()
    /// What of them is not known to be the owner's yet.
    package var pending = PendingSignals()
    /// Whether the session waits, for all who hold its cookies, until the application is satisfied.
    package var isSuspended = false

    /// An identifier that was replaced.
    package struct Predecessor: Sendable, Hashable {
        /// The identifier.
        package var identifier: SessionIdentifier
        /// When it was issued; `nil` where an earlier release has written the record.
        package var issuedAt: Timestamp?

        /// Describes one.
        package init(_ identifier: SessionIdentifier, issuedAt: Timestamp?) {
            self.identifier = identifier
            self.issuedAt = issuedAt
        }
    }

    /// Begins tracking: a new stream, bound to `fingerprint`, without a second key.
    package init(boundTo fingerprint: Fingerprint, at now: Timestamp, using generator: inout some RandomNumberGenerator) {
        self.fingerprint = fingerprint
        self.seed = SecretBytes(using: &generator)
        self.position = 0
        self.nonceIssuedAt = nil
        self.identifierIssuedAt = now
        self.secureKey = nil
    }

    init(
        fingerprint: Fingerprint,
        seed: SecretBytes<24>,
        position: UInt64,
        nonceIssuedAt: Timestamp?,
        identifierIssuedAt: Timestamp,
        secureKey: SecureKey?
    ) {
        self.fingerprint = fingerprint
        self.seed = seed
        self.position = position
        self.nonceIssuedAt = nonceIssuedAt
        self.identifierIssuedAt = identifierIssuedAt
        self.secureKey = secureKey
    }

    /// Puts nothing in the place of the secrets, for memory that is about to be given up.
    @inline(never)
    mutating func overwrite() {
        self.seed = SecretBytes()
        self.fingerprint = Fingerprint()
        if self.secureKey != nil { self.secureKey = SecureKey(storedBytes: repeatElement(0, count: 33)) }
    }

    /// The session's nonces.
    func stream(keys: ServerKeys) -> NonceStream {
        NonceStream(seed: self.seed, keys: keys)
    }

    /// Takes over where another state of the same session's stream stands.
    mutating func continueStream(of other: SessionTracking) {
        self.seed = other.seed
        self.position = other.position
        self.nonceIssuedAt = other.nonceIssuedAt
    }
}
