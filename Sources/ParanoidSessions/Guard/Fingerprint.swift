/// A keyed hash of the traits a session is bound to: it says whether they are the same, not what they were.
public struct Fingerprint: Sendable, Hashable {
    static let byteCount = 32

    let secret: SecretBytes

    /// Computes the fingerprint of traits.
    public init(of traits: ClientTraits, keys: ServerKeys) {
        self.secret = traits.values.isEmpty ? Self.ofNothing : SecretBytes(keys.code(.fingerprint, over: traits.framed))
    }

    /// Whether these traits are the ones; where nothing is to be compared they are.
    func isOf(_ traits: ClientTraits, keys: ServerKeys) -> Bool {
        traits.values.isEmpty || Fingerprint(of: traits, keys: keys) == self
    }

    private static let ofNothing = SecretBytes(Array(repeating: 0, count: Self.byteCount))

    init?(storedBytes: [UInt8]) {
        guard storedBytes.count == Self.byteCount else { return nil }
        self.secret = SecretBytes(storedBytes)
    }
}
