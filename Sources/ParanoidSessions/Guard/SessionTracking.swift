/// What the guard remembers of a session in order to recognise its owner.
///
/// The application can neither read nor write it. A copy is one reference, and whoever changes it gets their own.
package struct SessionTracking: Sendable {
    private struct Contents: Sendable, Hashable {
        var fingerprint: Fingerprint
        var seed: SecretBytes<24>
        var position: UInt64
        var nonceIssuedAt: Timestamp?
        var identifierIssuedAt: Timestamp
        var secureKey: SecureKey?
        var chain: RotationChain?
        var predecessor: Predecessor?
        var known = KnownSignals()
        var pending = PendingSignals()
        var isSuspended = false
    }

    /// Changed only by a value that has it for itself.
    private final class Storage: @unchecked Sendable {
        // Read by all who share it, changed by the only one who has it: a check at each access would find nothing.
        @exclusivity(unchecked) var contents: Contents

        init(_ contents: Contents) {
            unsafe self.contents = contents
        }

        deinit { self.overwrite() }

        /// Puts nothing in the place of the secrets.
        @inline(never)
        private func overwrite() {
            unsafe self.contents.seed = SecretBytes()
            unsafe self.contents.fingerprint = Fingerprint()
            if unsafe self.contents.secureKey != nil { unsafe self.contents.secureKey = SecureKey(SecretBytes()) }
        }
    }

    private var storage: Storage

    @inline(__always)
    private mutating func own() -> Storage {
        if !isKnownUniquelyReferenced(&self.storage) { self.storage = unsafe Storage(self.storage.contents) }
        return self.storage
    }

    /// The fingerprint of the client the session is bound to.
    package var fingerprint: Fingerprint {
        @inline(__always) get { unsafe self.storage.contents.fingerprint }
        @inline(__always) _modify { yield unsafe &self.own().contents.fingerprint }
    }
    /// The seed of the session's nonces; it survives the rotation of the identifier.
    var seed: SecretBytes<24> {
        @inline(__always) get { unsafe self.storage.contents.seed }
        @inline(__always) _modify { yield unsafe &self.own().contents.seed }
    }
    /// Where the stream of nonces stands.
    package var position: UInt64 {
        @inline(__always) get { unsafe self.storage.contents.position }
        @inline(__always) _modify { yield unsafe &self.own().contents.position }
    }
    /// When the current nonce was issued; `nil` when none was yet.
    package var nonceIssuedAt: Timestamp? {
        @inline(__always) get { unsafe self.storage.contents.nonceIssuedAt }
        @inline(__always) _modify { yield unsafe &self.own().contents.nonceIssuedAt }
    }
    /// When the identifier was last replaced.
    package var identifierIssuedAt: Timestamp {
        @inline(__always) get { unsafe self.storage.contents.identifierIssuedAt }
        @inline(__always) _modify { yield unsafe &self.own().contents.identifierIssuedAt }
    }
    /// The key demanded on secure connections, once there is one.
    package var secureKey: SecureKey? {
        @inline(__always) get { unsafe self.storage.contents.secureKey }
        @inline(__always) _modify { yield unsafe &self.own().contents.secureKey }
    }
    /// The values shown and given (profile `paranoid`); `nil` where the stream's positions count.
    package var chain: RotationChain? {
        @inline(__always) get { unsafe self.storage.contents.chain }
        @inline(__always) _modify { yield unsafe &self.own().contents.chain }
    }
    /// Whether there is a chain.
    var hasChain: Bool { if case .some = unsafe self.storage.contents.chain { true } else { false } }
    /// The identifier before this one, as long as the client has not shown this one.
    package var predecessor: Predecessor? {
        @inline(__always) get { unsafe self.storage.contents.predecessor }
        @inline(__always) _modify { yield unsafe &self.own().contents.predecessor }
    }
    /// What is known of the client's signals.
    package var known: KnownSignals {
        @inline(__always) get { unsafe self.storage.contents.known }
        @inline(__always) _modify { yield unsafe &self.own().contents.known }
    }
    /// What of them is not known to be the owner's yet.
    package var pending: PendingSignals {
        @inline(__always) get { unsafe self.storage.contents.pending }
        @inline(__always) _modify { yield unsafe &self.own().contents.pending }
    }
    /// Whether the session waits, for all who hold its cookies, until the application is satisfied.
    package var isSuspended: Bool {
        @inline(__always) get { unsafe self.storage.contents.isSuspended }
        @inline(__always) _modify { yield unsafe &self.own().contents.isSuspended }
    }

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
        let seed = SecretBytes<24>(using: &generator)
        self.init(fingerprint: fingerprint, seed: seed, position: 0, nonceIssuedAt: nil, identifierIssuedAt: now, secureKey: nil)
    }

    init(
        fingerprint: Fingerprint,
        seed: SecretBytes<24>,
        position: UInt64,
        nonceIssuedAt: Timestamp?,
        identifierIssuedAt: Timestamp,
        secureKey: SecureKey?
    ) {
        self.storage = Storage(
            Contents(
                fingerprint: fingerprint,
                seed: seed,
                position: position,
                nonceIssuedAt: nonceIssuedAt,
                identifierIssuedAt: identifierIssuedAt,
                secureKey: secureKey
            )
        )
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

extension SessionTracking: Hashable {
    package static func == (lhs: SessionTracking, rhs: SessionTracking) -> Bool {
        unsafe lhs.storage === rhs.storage || lhs.storage.contents == rhs.storage.contents
    }

    package func hash(into hasher: inout Hasher) { unsafe hasher.combine(self.storage.contents) }
}
