/// The nonces of one session: any worker process can continue the stream, and nobody without the server's secret can.
///
/// A nonce's tag is a keyed hash of the stream's seed and the position, so nothing has to be stored but the seed and where the stream
/// stands. Knowing nonces, even the seed, gives none of the others away.
public struct NonceStream: Sendable {
    private let seed: [UInt8]
    private let keys: ServerKeys

    /// Creates the stream of a session.
    ///
    /// - Parameters:
    ///   - seed: The session's random seed, from its record.
    ///   - keys: The keys of the server secret the session belongs to.
    public init(seed: [UInt8], keys: ServerKeys) {
        self.seed = seed
        self.keys = keys
    }

    /// The nonce at a position.
    public func nonce(at position: UInt64) -> Nonce {
        Nonce(position: position, tag: self.tag(at: position))
    }

    /// Whether a presented nonce belongs to this stream; compares in constant time.
    public func verifies(_ nonce: Nonce) -> Bool {
        nonce.tag.bytes.isEqualInConstantTime(to: self.tag(at: nonce.position))
    }

    // MARK: Chains

    private static let linkTagByteCount = 12

    /// The nonce that carries a value of a rotation chain.
    public func nonce(of value: RotationChain.Value) -> Nonce {
        Nonce(link: value, tag: self.tag(of: value))
    }

    /// The value of a rotation chain that a nonce carries, if it belongs to this session; compares in constant time.
    public func value(of nonce: Nonce) -> RotationChain.Value? {
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
