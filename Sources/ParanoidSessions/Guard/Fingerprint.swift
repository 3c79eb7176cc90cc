internal import ParanoidHTTP

/// What a fingerprint is made of: the values of named request parameters, byte for byte, in the order of the setting.
///
/// A parameter that is absent differs from one that is empty.
package struct ClientTraits: Sendable, Hashable {
    /// The value of each parameter; `nil` for one that the request does not have.
    package var values: [[UInt8]?]

    /// Creates traits.
    package init(_ values: [[UInt8]?]) {
        self.values = values
    }

    /// One unambiguous byte string: a presence byte and the length before each value, so nothing can move from one to the next.
    package var framed: [UInt8] {
        var bytes = BigEndian.bytes(UInt64(self.values.count))
        for value in self.values {
            bytes.append(value == nil ? 0 : 1)
            BigEndian.append(UInt64(value?.count ?? 0), to: &bytes)
            bytes.append(contentsOf: value ?? [])
        }
        return bytes
    }
}

extension ClientTraits: CustomStringConvertible {
    /// Says how many there are; addresses and agents are personal data.
    package var description: String { "ClientTraits(\(self.values.count), redacted)" }
}

/// A keyed hash of the traits a session is bound to: it says whether they are the same, not what they were.
package struct Fingerprint: Sendable, Hashable {
    let secret: SecretBytes<32>

    /// Of nothing.
    init() { self.secret = SecretBytes() }

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
