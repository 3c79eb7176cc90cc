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

    private func tag(at position: UInt64) -> [UInt8] {
        Array(self.keys.code(.nonce, over: self.seed + position.bigEndianBytes).prefix(Nonce.tagByteCount))
    }
}
