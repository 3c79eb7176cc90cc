/// What a browser shows to be remembered: which memory is meant, and a value that is replaced with each use.
public struct RememberToken: Sendable, Hashable {
    /// The number of characters of ``cookieValue``.
    private static let length = SessionIdentifier.cookieValueLength + 32

    /// Names the memory; no session has this name.
    public let identifier: SessionIdentifier
    /// The value to be used next.
    package let nonce: Nonce

    /// Creates a token.
    package init(identifier: SessionIdentifier, nonce: Nonce) {
        self.identifier = identifier
        self.nonce = nonce
    }

    /// Parses the form found in a cookie; `nil` for anything but 76 characters of base64url.
    public init?(cookieValue: [UInt8]) {
        guard cookieValue.count == Self.length,
            let identifier = SessionIdentifier(cookieValue: cookieValue.prefix(SessionIdentifier.cookieValueLength)),
            let nonce = Nonce(cookieValue: cookieValue.dropFirst(SessionIdentifier.cookieValueLength))
        else { return nil }
        self.identifier = identifier
        self.nonce = nonce
    }

    /// The text sent to the client.
    public var cookieValue: String { self.identifier.cookieValue + self.nonce.cookieValue }
}

extension RememberToken: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    public var description: String { "RememberToken(redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
}
