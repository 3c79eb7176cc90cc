internal import Crypto

/// The key that seals one session's record.
package struct SealKey: Sendable {
    let key: SymmetricKey

    init(_ secret: SecretBytes<32>) {
        self.key = unsafe secret.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
    }
}

extension SealKey: CustomStringConvertible, CustomReflectable {
    /// A stand-in that is safe to log.
    package var description: String { "SealKey(redacted)" }
    /// Shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Seals a record's bytes so that they can neither be read, nor changed, nor used elsewhere (AES-256-GCM, NIST SP 800-38D).
package enum SessionSeal {
    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    /// How many bytes sealing adds.
    static let overhead = nonceByteCount + tagByteCount

    /// Seals bytes and appends nonce, sealed bytes and tag.
    ///
    /// - Parameters:
    ///   - bytes: What to seal.
    ///   - output: Where the sealed form goes.
    ///   - key: The session's key.
    ///   - context: What the bytes belong to; opening needs the same. It is authenticated, not hidden.
    ///   - generator: Draws the 96-bit nonce. A key seals the writes of one session only, far below the 2^32 that random nonces allow.
    package static func seal(
        _ bytes: [UInt8],
        into output: inout [UInt8],
        with key: SealKey,
        context: [UInt8],
        using generator: inout some RandomNumberGenerator
    ) {
        unsafe context.withUnsafeBytes { context in
            unsafe bytes.withUnsafeBytes { unsafe self.seal($0, into: &output, with: key, context: context, using: &generator) }
        }
    }

    static func seal(
        _ bytes: UnsafeRawBufferPointer,
        into output: inout [UInt8],
        with key: SealKey,
        context: UnsafeRawBufferPointer,
        using generator: inout some RandomNumberGenerator
    ) {
        let nonce = SecretBytes<12>(using: &generator)
        unsafe nonce.withUnsafeBytes { nonce in
            // Both calls fail for nonces of a wrong length only.
            guard let gcmNonce = unsafe try? AES.GCM.Nonce(data: nonce),
                let box = unsafe try? AES.GCM.seal(bytes, using: key.key, nonce: gcmNonce, authenticating: context),
                // Nonce, sealed bytes and tag, one behind the other: there where the nonce has the usual length.
                let combined = box.combined
            else { preconditionFailure("sealing cannot fail") }
            output.append(contentsOf: combined)
        }
    }

    /// Opens what ``seal(_:into:with:context:using:)`` made; `nil` when key, context or any bit differ.
    package static func open(_ sealed: ArraySlice<UInt8>, with key: SealKey, context: [UInt8]) -> [UInt8]? {
        unsafe context.withUnsafeBytes { unsafe self.open(sealed, with: key, context: $0) }
    }

    static func open(_ sealed: ArraySlice<UInt8>, with key: SealKey, context: UnsafeRawBufferPointer) -> [UInt8]? {
        guard sealed.count >= Self.overhead else { return nil }
        return unsafe sealed.withUnsafeBytes { sealed -> [UInt8]? in
            guard let box = unsafe try? AES.GCM.SealedBox(combined: sealed),
                let bytes = unsafe try? AES.GCM.open(box, using: key.key, authenticating: context)
            else { return nil }
            return Array(bytes)
        }
    }
}
