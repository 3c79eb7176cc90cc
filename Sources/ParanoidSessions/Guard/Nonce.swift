/// A value that a client shows once, or for a short while: a position in its session's stream and a keyed tag that proves it.
///
/// Only ``NonceStream`` can make one that verifies.
package struct Nonce: Sendable, Hashable {
    static let tagByteCount = 16
    private static let byteCount = 24

    /// The position in the stream.
    package let position: UInt64
    let tag: SecretBytes

    init(position: UInt64, tag: [UInt8]) {
        self.position = position
        self.tag = SecretBytes(tag)
    }

    /// Parses the form found in a cookie: 32 characters of base64url.
    ///
    /// Anything else is `nil`.
    package init?(cookieValue: some Collection<UInt8>) {
        guard let bytes = Base64URL.decode(cookieValue, count: Self.byteCount) else { return nil }
        self.position = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        self.tag = SecretBytes(Array(bytes[8...]))
    }

    /// What the same bytes mean in a rotation chain: a generation of 4 bytes, a number of 8 and a tag of 12.
    var link: (value: RotationChain.Value, tag: SecretBytes) {
        let bytes = self.position.bigEndianBytes + self.tag.bytes
        let generation = bytes[0..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let number = bytes[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (RotationChain.Value(generation: generation, number: number), SecretBytes(Array(bytes[12...])))
    }

    init(link value: RotationChain.Value, tag: [UInt8]) {
        let bytes = UInt64(value.generation).bigEndianBytes[4...] + value.number.bigEndianBytes + tag
        self.position = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        self.tag = SecretBytes(Array(bytes.dropFirst(8)))
    }

    /// The text sent to the client.
    package var cookieValue: String {
        Base64URL.encode(self.position.bigEndianBytes + self.tag.bytes)
    }
}

extension Nonce: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    package var description: String { "Nonce(redacted)" }
    /// A stand-in that is safe to log.
    package var debugDescription: String { self.description }
}

extension UInt64 {
    /// The eight bytes, most significant first.
    var bigEndianBytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(56 - 8 * $0)) }
    }
}

/// The nonces of one session: any worker process can continue the stream, and nobody without the server's secret can.
///
/// A nonce's tag is a keyed hash of the stream's seed and the position, so nothing has to be stored but the seed and where the stream
/// stands. Knowing nonces, even the seed, gives none of the others away.
package struct NonceStream: Sendable {
    private let seed: [UInt8]
    private let keys: ServerKeys

    /// Creates the stream of a session.
    ///
    /// - Parameters:
    ///   - seed: The session's random seed, from its record.
    ///   - keys: The keys of the server secret the session belongs to.
    package init(seed: [UInt8], keys: ServerKeys) {
        self.seed = seed
        self.keys = keys
    }

    /// The nonce at a position.
    package func nonce(at position: UInt64) -> Nonce {
        Nonce(position: position, tag: self.tag(at: position))
    }

    /// Whether a presented nonce belongs to this stream; compares in constant time.
    package func verifies(_ nonce: Nonce) -> Bool {
        nonce.tag.bytes.isEqualInConstantTime(to: self.tag(at: nonce.position))
    }

    // MARK: Chains

    private static let linkTagByteCount = 12

    /// The nonce that carries a value of a rotation chain.
    package func nonce(of value: RotationChain.Value) -> Nonce {
        Nonce(link: value, tag: self.tag(of: value))
    }

    /// The value of a rotation chain that a nonce carries, if it belongs to this session; compares in constant time.
    package func value(of nonce: Nonce) -> RotationChain.Value? {
        let (value, tag) = nonce.link
        return tag.bytes.isEqualInConstantTime(to: self.tag(of: value)) ? value : nil
    }

    private func tag(of value: RotationChain.Value) -> [UInt8] {
        // One byte more than a stream's position, so that no tag of the one is good for the other.
        let place = [0xC4] + UInt64(value.generation).bigEndianBytes[4...] + value.number.bigEndianBytes
        return Array(self.keys.code(.nonce, over: self.seed + place).prefix(Self.linkTagByteCount))
    }

    private func tag(at position: UInt64) -> [UInt8] {
        Array(self.keys.code(.nonce, over: self.seed + position.bigEndianBytes).prefix(Nonce.tagByteCount))
    }
}
