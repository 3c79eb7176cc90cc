/// A value that a client shows once, or for a short while: a position in its session's stream and a keyed tag that proves it.
///
/// Only ``NonceStream`` can make one that verifies.
package struct Nonce: Sendable, Hashable {
    private let secret: SecretBytes<24>

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
