/// The key of a session that exists on secure connections only: issued over HTTPS, demanded over HTTPS.
public struct SecureKey: Sendable, Hashable {
    /// 33 bytes: whole groups of base64url.
    static let byteCount = 33

    let secret: SecretBytes

    /// Draws a fresh key.
    public init(using generator: inout some RandomNumberGenerator) {
        self.secret = SecretBytes(count: Self.byteCount, using: &generator)
    }

    /// Parses the form found in a cookie; `nil` for anything but 44 characters of base64url.
    public init?(cookieValue: some Collection<UInt8>) {
        guard let bytes = Base64URL.decode(cookieValue, count: Self.byteCount) else { return nil }
        self.secret = SecretBytes(bytes)
    }

    init?(storedBytes: [UInt8]) {
        guard storedBytes.count == Self.byteCount else { return nil }
        self.secret = SecretBytes(storedBytes)
    }

    /// The text sent to the client.
    public var cookieValue: String { Base64URL.encode(self.secret.bytes) }
}

extension SecureKey: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "SecureKey(redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
}
