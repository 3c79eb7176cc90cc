/// What a response has to tell the client about its session; who turns it into cookies knows names and attributes.
public struct SessionCookieChanges: Sendable {
    /// What becomes of the session cookie.
    public enum Identifier: Sendable, Hashable {
        /// Nothing.
        case unchanged
        /// It is set to the visit's identifier.
        case set
        /// It is deleted, as it names nothing.
        case deleted
    }

    /// What becomes of the second cookie.
    package enum Second: Sendable, Hashable {
        /// It is set to this key.
        case set(SecureKey)
        /// It is set to a worthless constant, as the package of 2009 did before there was a key (profile `compatible` only).
        case unusable
    }

    /// What becomes of the session cookie.
    public var identifier = Identifier.unchanged
    /// The nonce to be shown next.
    package var nonce: Nonce?
    /// What becomes of the second cookie; `nil`: nothing.
    package var second: Second?
    /// The lifetime of these cookies in seconds; `nil`: until the browser closes.
    public var maxAge: Int?

    /// Creates changes that change nothing.
    public init() {}

    /// Whether nothing is to be told.
    public var isEmpty: Bool {
        self.identifier == .unchanged && self.nonce == nil && self.second == nil
    }
}
