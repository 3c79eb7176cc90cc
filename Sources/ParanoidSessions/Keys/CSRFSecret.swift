/// What a client has to show to prove that a request comes from one of our own pages: a code that belongs to its session.
///
/// It goes out masked anew each time, so that no page holds the same bytes twice (a compressed page would otherwise give it away bit by bit
/// to somebody who sees its length), and any number of masked forms count at the same time: tabs and the Back button work.
public struct CSRFSecret: Sendable {
    static let byteCount = 24

    private let code: SecretBytes

    /// The secret of a session; it survives the rotation of the identifier and ends with a login.
    package init(of tracking: SessionTracking, keys: ServerKeys) {
        self.code = Self.code(1, over: tracking.seed.bytes, keys: keys)
    }

    /// The secret of a client that has no session yet.
    public init(of client: AnonymousClientKey, keys: ServerKeys) {
        self.code = Self.code(2, over: client.random.bytes, keys: keys)
    }

    /// A code of one of the purposes that this key has.
    static func code(_ purpose: UInt8, over bytes: [UInt8], keys: ServerKeys) -> SecretBytes {
        SecretBytes(Array(keys.code(.csrf, over: [purpose] + bytes).prefix(Self.byteCount)))
    }

    /// The text for a page: 64 characters, other ones each time.
    public func token(using generator: inout some RandomNumberGenerator) -> String {
        let mask = SecretBytes(count: Self.byteCount, using: &generator).bytes
        return Base64URL.encode(mask + zip(mask, self.code.bytes).map { $0 ^ $1 })
    }

    /// Whether a text is one of ``token(using:)``; compares in constant time.
    public func verifies(_ token: some Collection<UInt8>) -> Bool {
        guard let bytes = Base64URL.decode(token, count: 2 * Self.byteCount) else { return false }
        let code = zip(bytes.prefix(Self.byteCount), bytes.dropFirst(Self.byteCount)).map { $0 ^ $1 }
        return code.isEqualInConstantTime(to: self.code.bytes)
    }
}

extension CSRFSecret: CustomStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "CSRFSecret(redacted)" }
}
