/// What a client has to show to prove that a request comes from one of our own pages: a code that belongs to its session.
///
/// It goes out masked anew each time, so that no page holds the same bytes twice (a compressed page would otherwise give it away bit by bit
/// to somebody who sees its length), and any number of masked forms count at the same time: tabs and the Back button work.
package struct CSRFSecret: Sendable {
    private let code: SecretBytes<24>

    /// The secret of a session; it survives the rotation of the identifier and ends with a login.
    package init(of tracking: SessionTracking, keys: ServerKeys) {
        self.code = Self.code(1, over: tracking.seed, keys: keys)
    }

    /// The secret of a client that has no session yet.
    package init(of client: AnonymousClientKey, keys: ServerKeys) {
        self.code = Self.code(2, over: client.random, keys: keys)
    }

    /// A code of one of the purposes that this key has.
    static func code<let count: Int>(_ purpose: UInt8, over secret: SecretBytes<count>, keys: ServerKeys) -> SecretBytes<24> {
        SecretBytes(prefixOf: keys.code(.csrf, purpose, over: secret))
    }

    /// The text for a page: 64 characters, other ones each time.
    package func token(using generator: inout some RandomNumberGenerator) -> String {
        let mask = SecretBytes<24>(using: &generator)
        var token = SecretBytes<48>()
        token.replace(at: 0, with: mask)
        token.replace(at: 24, with: Self.masked(self.code, with: mask))
        return Base64URL.encode(token)
    }

    /// Whether a text is one of ``token(using:)``; compares in constant time.
    package func verifies(_ token: some Collection<UInt8>) -> Bool {
        guard let token = Base64URL.decode(token, as: SecretBytes<48>.self) else { return false }
        return Self.masked(SecretBytes<24>(token, from: 24), with: SecretBytes<24>(prefixOf: token)) == self.code
    }

    private static func masked(_ secret: SecretBytes<24>, with mask: SecretBytes<24>) -> SecretBytes<24> {
        var masked = secret
        for index in 0..<24 { masked[index] ^= mask[index] }
        return masked
    }
}

extension CSRFSecret: CustomStringConvertible {
    /// A stand-in that is safe to log.
    package var description: String { "CSRFSecret(redacted)" }
}

/// What recognises a client that has no session yet, such as a visitor of the login page: random bytes signed by the server, kept in a cookie.
///
/// The server stores nothing for it, so a visitor who only looks at a login form costs no file. The signature keeps others from making one;
/// the cookie's prefix (`__Host-`) keeps them from planting one of their own.
package struct AnonymousClientKey: Sendable, Hashable {
    /// The number of the server secret that has signed it.
    package let secretNumber: UInt8
    let random: SecretBytes<32>
    private let signature: SecretBytes<24>

    /// Makes a new one.
    package init(keys: ServerKeys, using generator: inout some RandomNumberGenerator) {
        self.secretNumber = keys.number
        self.random = SecretBytes(using: &generator)
        self.signature = CSRFSecret.code(3, over: self.random, keys: keys)
    }

    /// Parses the form found in a cookie: 76 characters of base64url.
    ///
    /// Anything else is `nil`. Whether the server has signed it is for ``isSigned(by:)`` to say.
    package init?(cookieValue: some Collection<UInt8>) {
        guard let bytes = Base64URL.decode(cookieValue, as: SecretBytes<57>.self) else { return nil }
        self.secretNumber = bytes[0]
        self.random = SecretBytes(bytes, from: 1)
        self.signature = SecretBytes(bytes, from: 33)
    }

    /// Whether it was made with these keys; compares in constant time.
    package func isSigned(by keys: ServerKeys) -> Bool {
        keys.number == self.secretNumber && self.signature == CSRFSecret.code(3, over: self.random, keys: keys)
    }

    /// The text sent to the client.
    package var cookieValue: String {
        var bytes = SecretBytes<57>()
        bytes[0] = self.secretNumber
        bytes.replace(at: 1, with: self.random)
        bytes.replace(at: 33, with: self.signature)
        return Base64URL.encode(bytes)
    }
}

extension AnonymousClientKey: CustomStringConvertible, CustomDebugStringConvertible {
    /// A stand-in that is safe to log.
    package var description: String { "AnonymousClientKey(redacted)" }
    package var debugDescription: String { self.description }
}
