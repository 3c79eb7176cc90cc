// The secrets that a client holds: what names its session, what proves HTTPS, what it is remembered by.

/// The unguessable name of one session: 256 random bits and the number of the server secret whose keys belong to it.
///
/// An identifier is a bearer secret. Its ``description`` therefore never shows the value; ``cookieValue`` is the one place where the
/// value leaves the process. The number lets a new server secret take over without logging anybody out.
package struct SessionIdentifier: Sendable, Hashable {
    /// The number of characters of ``cookieValue``.
    package static let cookieValueLength = 44
    /// The number of the secret and 32 random bytes.
    static let byteCount = 33

    let secret: SecretBytes<33>

    init(_ secret: SecretBytes<33>) {
        self.secret = secret
    }

    /// Draws a fresh identifier.
    ///
    /// - Parameters:
    ///   - secretNumber: The server secret whose keys name and seal the session.
    ///   - generator: The source of randomness: the system's in production, a seeded one in tests.
    package init(secretNumber: UInt8, using generator: inout some RandomNumberGenerator) {
        var secret = SecretBytes<33>()
        secret[0] = secretNumber
        secret.replace(at: 1, with: SecretBytes<32>(using: &generator))
        self.secret = secret
    }

    /// Parses the form found in a cookie: exactly 44 characters of base64url.
    ///
    /// Anything else is `nil`, which means "no session".
    package init?(cookieValue: some Collection<UInt8>) {
        guard let secret = Base64URL.decode(cookieValue, as: SecretBytes<33>.self) else { return nil }
        self.secret = secret
    }

    /// The number of the server secret this identifier belongs to.
    package var secretNumber: UInt8 { self.secret[0] }

    /// The text sent to the client.
    package var cookieValue: String { Base64URL.encode(self.secret) }

    /// The bytes themselves, to be sealed into another record as its successor.
    var sealableBytes: [UInt8] { self.secret.bytes }

    /// The identifier that ``sealableBytes`` were taken from; `nil` for bytes of another length.
    init?(sealedBytes: some Collection<UInt8>) {
        guard let secret = SecretBytes<33>(sealedBytes) else { return nil }
        self.secret = secret
    }
}

/// The key of a session that exists on secure connections only: issued over HTTPS, demanded over HTTPS.
package struct SecureKey: Sendable, Hashable {
    /// 33 bytes: whole groups of base64url.
    let secret: SecretBytes<33>

    /// Draws a fresh key.
    package init(using generator: inout some RandomNumberGenerator) {
        self.secret = SecretBytes(using: &generator)
    }

    /// Parses the form found in a cookie; `nil` for anything but 44 characters of base64url.
    package init?(cookieValue: some Collection<UInt8>) {
        guard let secret = Base64URL.decode(cookieValue, as: SecretBytes<33>.self) else { return nil }
        self.secret = secret
    }

    init(_ secret: SecretBytes<33>) {
        self.secret = secret
    }

    init?(storedBytes: some Collection<UInt8>) {
        guard let secret = SecretBytes<33>(storedBytes) else { return nil }
        self.secret = secret
    }

    /// The text sent to the client.
    package var cookieValue: String { Base64URL.encode(self.secret) }
}

/// What a browser shows to be remembered: which login is meant, and a value that is replaced with each use.
package struct RememberToken: Sendable, Hashable {
    /// The number of characters of ``cookieValue``.
    private static let length = SessionIdentifier.cookieValueLength + 32

    /// Names the remembered login; no session has this name.
    package let identifier: SessionIdentifier
    /// The value to be used next.
    package let nonce: Nonce

    /// Creates a token.
    package init(identifier: SessionIdentifier, nonce: Nonce) {
        self.identifier = identifier
        self.nonce = nonce
    }

    /// Parses the form found in a cookie; `nil` for anything but 76 characters of base64url.
    package init?(cookieValue: [UInt8]) {
        guard cookieValue.count == Self.length,
            let identifier = SessionIdentifier(cookieValue: cookieValue.prefix(SessionIdentifier.cookieValueLength)),
            let nonce = Nonce(cookieValue: cookieValue.dropFirst(SessionIdentifier.cookieValueLength))
        else { return nil }
        self.identifier = identifier
        self.nonce = nonce
    }

    /// The text sent to the client.
    package var cookieValue: String { self.identifier.cookieValue + self.nonce.cookieValue }
}

// Stand-ins that are safe to log.

extension SessionIdentifier: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "SessionIdentifier(redacted)" }
    package var debugDescription: String { self.description }
}

extension SecureKey: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "SecureKey(redacted)" }
    package var debugDescription: String { self.description }
}

extension RememberToken: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "RememberToken(redacted)" }
    package var debugDescription: String { self.description }
}
