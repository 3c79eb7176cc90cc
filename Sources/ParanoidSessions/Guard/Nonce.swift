/// A value that a client shows once, or for a short while: a position in its session's stream and a keyed tag that proves it.
///
/// Only ``NonceStream`` can make one that verifies.
package struct Nonce: Sendable {
    private let secret: SecretBytes<24>
    /// The seed of the session whose chain has given it, once that was proved: it need not be proved again.
    private var provenSeed: SecretBytes<24>?

    /// The position in the stream.
    package var position: UInt64 { self.secret.bigEndian(at: 0, as: UInt64.self) }
    var tag: SecretBytes<16> { SecretBytes(self.secret, from: 8) }

    init(position: UInt64, tag: SecretBytes<16>) {
        var secret = SecretBytes<24>()
        secret.replace(at: 0, withBigEndian: position)
        secret.replace(at: 8, with: tag)
        self.secret = secret
    }

    /// Parses the form found in a cookie: 32 characters of base64url.
    ///
    /// Anything else is `nil`.
    package init?(cookieValue: some Collection<UInt8>) {
        guard let secret = Base64URL.decode(cookieValue, as: SecretBytes<24>.self) else { return nil }
        self.secret = secret
    }

    /// What the same bytes mean in a rotation chain: a generation of 4 bytes, a number of 8 and a tag of 12.
    var link: (value: RotationChain.Value, tag: SecretBytes<12>) {
        let generation = self.secret.bigEndian(at: 0, as: UInt32.self)
        let number = self.secret.bigEndian(at: 4, as: UInt64.self)
        return (RotationChain.Value(generation: generation, number: number), SecretBytes(self.secret, from: 12))
    }

    init(link value: RotationChain.Value, tag: SecretBytes<12>) {
        var secret = SecretBytes<24>()
        secret.replace(at: 0, withBigEndian: value.generation)
        secret.replace(at: 4, withBigEndian: value.number)
        secret.replace(at: 12, with: tag)
        self.secret = secret
    }

    /// The text sent to the client.
    package var cookieValue: String { Base64URL.encode(self.secret) }

    fileprivate func isProven(for seed: SecretBytes<24>) -> Bool { self.provenSeed.map { $0 == seed } ?? false }

    fileprivate func proven(for seed: SecretBytes<24>) -> Nonce {
        var nonce = self
        nonce.provenSeed = seed
        return nonce
    }
}

extension Nonce: Hashable {
    /// Compares in constant time.
    package static func == (lhs: Nonce, rhs: Nonce) -> Bool { lhs.secret == rhs.secret }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.secret) }
}

extension Nonce: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    package var description: String { "Nonce(redacted)" }
    /// A stand-in that is safe to log.
    package var debugDescription: String { self.description }
}

/// The nonces of one session: any worker process can continue the stream, and nobody without the server's secret can.
///
/// A nonce's tag is a keyed hash of the stream's seed and the position, so nothing has to be stored but the seed and where the stream
/// stands. Knowing nonces, even the seed, gives none of the others away.
package struct NonceStream: Sendable {
    private let seed: SecretBytes<24>
    private let keys: ServerKeys

    /// Creates the stream of a session.
    ///
    /// - Parameters:
    ///   - seed: The session's random seed, from its record.
    ///   - keys: The keys of the server secret the session belongs to.
    init(seed: SecretBytes<24>, keys: ServerKeys) {
        self.seed = seed
        self.keys = keys
    }

    /// The nonce at a position.
    package func nonce(at position: UInt64) -> Nonce {
        Nonce(position: position, tag: self.tag(at: position))
    }

    /// Whether a presented nonce belongs to this stream; compares in constant time.
    package func verifies(_ nonce: Nonce) -> Bool {
        nonce.tag == self.tag(at: nonce.position)
    }

    // MARK: Chains

    /// The nonce that carries a value of a rotation chain.
    package func nonce(of value: RotationChain.Value) -> Nonce {
        Nonce(link: value, tag: self.tag(of: value))
    }

    /// The value of a rotation chain that a nonce carries, if it belongs to this session; compares in constant time.
    package func value(of nonce: Nonce) -> RotationChain.Value? {
        let (value, tag) = nonce.link
        if nonce.isProven(for: self.seed) { return value }
        return tag == self.tag(of: value) ? value : nil
    }

    /// The nonce with the note that it carries a value of this session's chain, if it does.
    func proven(_ nonce: Nonce) -> Nonce {
        self.value(of: nonce) == nil ? nonce : nonce.proven(for: self.seed)
    }

    private func tag(of value: RotationChain.Value) -> SecretBytes<12> {
        var message = SecretBytes<37>()
        message.replace(at: 0, with: self.seed)
        // One byte more than a stream's position, so that no tag of the one is good for the other.
        message[24] = 0xC4
        message.replace(at: 25, withBigEndian: value.generation)
        message.replace(at: 29, withBigEndian: value.number)
        return SecretBytes(prefixOf: self.keys.code(.nonce, over: message))
    }

    private func tag(at position: UInt64) -> SecretBytes<16> {
        var message = SecretBytes<32>()
        message.replace(at: 0, with: self.seed)
        message.replace(at: 24, withBigEndian: position)
        return SecretBytes(prefixOf: self.keys.code(.nonce, over: message))
    }
}
