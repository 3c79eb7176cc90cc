/// The unguessable name of one session: 256 random bits and the number of the server secret whose keys belong to it.
///
/// An identifier is a bearer secret. Its ``description`` therefore never shows the value; ``cookieValue`` is the one place where the
/// value leaves the process. The number lets a new server secret take over without logging anybody out.
public struct SessionIdentifier: Sendable, Hashable {
    /// The number of characters of ``cookieValue``.
    public static let cookieValueLength = 44
    private static let byteCount = 33

    private let secret: SecretBytes

    /// Draws a fresh identifier.
    ///
    /// - Parameters:
    ///   - secretNumber: The server secret whose keys name and seal the session.
    ///   - generator: The source of randomness: the system's in production, a seeded one in tests.
    public init(secretNumber: UInt8, using generator: inout some RandomNumberGenerator) {
        self.secret = SecretBytes([secretNumber] + SecretBytes(count: Self.byteCount - 1, using: &generator).bytes)
    }

    /// Parses the form found in a cookie: exactly 44 characters of base64url.
    ///
    /// Anything else is `nil`, which means "no session".
    public init?(cookieValue: some Collection<UInt8>) {
        guard let bytes = Base64URL.decode(cookieValue, count: Self.byteCount) else { return nil }
        self.secret = SecretBytes(bytes)
    }

    /// The number of the server secret this identifier belongs to.
    public var secretNumber: UInt8 { self.secret.bytes[0] }

    /// The text sent to the client.
    public var cookieValue: String { Base64URL.encode(self.secret.bytes) }

    /// What names and keys are derived from.
    var derivationInput: [UInt8] { self.secret.bytes }

    /// The bytes themselves, to be sealed into another record as its successor.
    public var sealableBytes: [UInt8] { self.secret.bytes }

    /// The identifier that ``sealableBytes`` were taken from; `nil` for bytes of another length.
    public init?(sealedBytes: [UInt8]) {
        guard sealedBytes.count == Self.byteCount else { return nil }
        self.secret = SecretBytes(sealedBytes)
    }
}

extension SessionIdentifier: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "SessionIdentifier(redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
}
