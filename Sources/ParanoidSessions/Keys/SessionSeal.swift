internal import Crypto

/// The key that seals one session's record.
public struct SealKey: Sendable {
    let key: SymmetricKey

    init(_ bytes: [UInt8]) {
        self.key = SymmetricKey(data: bytes)
    }
}

extension SealKey: CustomStringConvertible, CustomReflectable {
    /// A stand-in that is safe to log.
    public var description: String { "SealKey(redacted)" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Seals a record's bytes so that they can neither be read, nor changed, nor used elsewhere (AES-256-GCM, NIST SP 800-38D).
public enum SessionSeal {
    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    /// How many bytes sealing adds.
    public static let overhead = nonceByteCount + tagByteCount

    /// Seals bytes.
    ///
    /// - Parameters:
    ///   - bytes: What to seal.
    ///   - key: The session's key.
    ///   - context: What the bytes belong to; opening needs the same. It is authenticated, not hidden.
    ///   - generator: Draws the 96-bit nonce. A key seals the writes of one session only, far below the 2^32 that random nonces allow.
    /// - Returns: Nonce, sealed bytes and tag.
    public static func seal(
        _ bytes: [UInt8],
        with key: SealKey,
        context: [UInt8],
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        let nonce = SecretBytes(count: Self.nonceByteCount, using: &generator).bytes
        // Both calls fail for nonces of a wrong length only.
        guard let gcmNonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.seal(bytes, using: key.key, nonce: gcmNonce, authenticating: context)
        else { preconditionFailure("sealing cannot fail") }
        var sealed = nonce
        sealed.reserveCapacity(bytes.count + Self.overhead)
        sealed.append(contentsOf: box.ciphertext)
        sealed.append(contentsOf: box.tag)
        return sealed
    }

    /// Opens what ``seal(_:with:context:using:)`` made; `nil` when key, context or any bit differ.
    public static func open(_ sealed: [UInt8], with key: SealKey, context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.overhead else { return nil }
        let tagStart = sealed.count - Self.tagByteCount
        guard let nonce = try? AES.GCM.Nonce(data: sealed[..<Self.nonceByteCount]),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce,
                ciphertext: sealed[Self.nonceByteCount..<tagStart],
                tag: sealed[tagStart...]
            ),
            let bytes = try? AES.GCM.open(box, using: key.key, authenticating: context)
        else { return nil }
        return Array(bytes)
    }
}
