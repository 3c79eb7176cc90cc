/// A keyed hash of the traits a session is bound to: it says whether they are the same, not what they were.
package struct Fingerprint: Sendable, Hashable {
    let secret: SecretBytes<32>

    /// Computes the fingerprint of traits.
    package init(of traits: ClientTraits, keys: ServerKeys) {
        self.secret = traits.values.isEmpty ? SecretBytes() : keys.code(.fingerprint, over: traits.framed)
    }

    /// Whether these traits are the ones; where nothing is to be compared they are.
    func isOf(_ traits: ClientTraits, keys: ServerKeys) -> Bool {
        traits.values.isEmpty || Fingerprint(of: traits, keys: keys) == self
    }

    init?(storedBytes: some Collection<UInt8>) {
        guard let secret = SecretBytes<32>(storedBytes) else { return nil }
        self.secret = secret
    }
}
