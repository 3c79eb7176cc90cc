/// What recognises a client that has no session yet, such as a visitor of the login page: random bytes signed by the server, kept in a cookie.
///
/// The server stores nothing for it, so a visitor who only looks at a login form costs no file. The signature keeps others from making one;
/// that they plant one of their own is for the cookie's prefix (`__Host-`) to stop.
public struct AnonymousClientKey: Sendable, Hashable {
    private static let randomByteCount = 32
    private static let byteCount = 1 + randomByteCount + CSRFSecret.byteCount

    /// The number of the server secret that has signed it.
    public let secretNumber: UInt8
    let random: SecretBytes
    private let signature: SecretBytes

    /// Makes a new one.
    public init(keys: ServerKeys, using generator: inout some RandomNumberGenerator) {
        self.secretNumber = keys.number
        self.random = SecretBytes(count: Self.randomByteCount, using: &generator)
        self.signature = CSRFSecret.code(3, over: self.random.bytes, keys: keys)
    }

    /// Parses the form found in a cookie: 76 characters of base64url.
    ///
    /// Anything else is `nil`. Whether the server has signed it is for ``isSigned(by:)`` to say.
    public init?(cookieValue: some Collection<UInt8>) {
        guard let bytes = Base64URL.decode(cookieValue, count: Self.byteCount) else { return nil }
        self.secretNumber = bytes[0]
        self.random = SecretBytes(Array(bytes[1...Self.randomByteCount]))
        self.signature = SecretBytes(Array(bytes[(1 + Self.randomByteCount)...]))
    }

    /// Whether it was made with these keys; compares in constant time.
    public func isSigned(by keys: ServerKeys) -> Bool {
        keys.number == self.secretNumber && self.signature == CSRFSecret.code(3, over: self.random.bytes, keys: keys)
    }

    /// The text sent to the client.
    public var cookieValue: String { Base64URL.encode([self.secretNumber] + self.random.bytes + self.signature.bytes) }
}

extension AnonymousClientKey: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "AnonymousClientKey(redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
}
