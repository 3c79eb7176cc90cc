/// A keyed hash of the traits a session is bound to: it says whether they are the same, not what they were.
public struct Fingerprint: Sendable, Hashable {
    static let byteCount = 32

    let secret: SecretBytes

    /// Computes the fingerprint of traits.
    public init(of traits: ClientTraits, keys: ServerKeys) {
        self.secret = SecretBytes(keys.code(.fingerprint, over: traits.framed))
    }

    init?(storedBytes: [UInt8]) {
        guard storedBytes.count == Self.byteCount else { return nil }
        self.secret = SecretBytes(storedBytes)
    }
}
