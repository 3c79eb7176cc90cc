/// A value that a client shows once, or for a short while: a position in its session's stream and a keyed tag that proves it.
///
/// Only ``NonceStream`` can make one that verifies.
public struct Nonce: Sendable, Hashable {
    static let tagByteCount = 16
    private static let byteCount = 24

    /// The position in the stream.
    public let position: UInt64
    let tag: SecretBytes

    init(position: UInt64, tag: [UInt8]) {
        self.position = position
        self.tag = SecretBytes(tag)
    }

    /// Parses the form found in a cookie: 32 characters of base64url.
    ///
    /// Anything else is `nil`.
    public init?(cookieValue: some Collection<UInt8>) {
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
    public var cookieValue: String {
        Base64URL.encode(self.position.bigEndianBytes + self.tag.bytes)
    }
}

extension Nonce: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "Nonce(redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
}

extension UInt64 {
    /// The eight bytes, most significant first.
    var bigEndianBytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(56 - 8 * $0)) }
    }
}
