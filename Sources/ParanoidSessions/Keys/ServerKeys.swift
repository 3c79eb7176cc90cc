internal import Crypto
internal import ParanoidHTTP

/// The keys derived from one server secret, one per purpose, prepared once so that using one costs a single hash.
///
/// Each purpose's key is HKDF-Expand of the secret with the purpose as information (RFC 5869 section 2.3); a key of a session is
/// HKDF-Expand of the purpose's key with the session's identifier as information.
package final class ServerKeys: Sendable {
    /// What a key is for.
    enum Purpose: String, CaseIterable {
        case name
        case seal
        case nonce
        case fingerprint
        case user
        case log
        case label
        case signal
        case csrf
        case remember
        case events
    }

    /// The number of the secret.
    package let number: UInt8
    private let name: HMAC<SHA256>
    private let seal: HMAC<SHA256>
    private let nonce: HMAC<SHA256>
    private let fingerprint: HMAC<SHA256>
    private let user: HMAC<SHA256>
    private let log: HMAC<SHA256>
    private let label: HMAC<SHA256>
    private let signal: HMAC<SHA256>
    private let csrf: HMAC<SHA256>
    private let remember: HMAC<SHA256>
    private let events: HMAC<SHA256>

    /// Derives the keys of a secret.
    package init(_ secret: ServerSecret) {
        func prepared(_ purpose: Purpose) -> HMAC<SHA256> {
            var derivation = HMAC<SHA256>(key: SymmetricKey(data: secret.secret.bytes))
            derivation.update(data: Array("ParanoidFastCGI \(purpose.rawValue)".utf8) + [1])
            return HMAC<SHA256>(key: SymmetricKey(data: Array(derivation.finalize())))
        }
        self.number = secret.number
        self.name = prepared(.name)
        self.seal = prepared(.seal)
        self.nonce = prepared(.nonce)
        self.fingerprint = prepared(.fingerprint)
        self.user = prepared(.user)
        self.log = prepared(.log)
        self.label = prepared(.label)
        self.signal = prepared(.signal)
        self.csrf = prepared(.csrf)
        self.remember = prepared(.remember)
        self.events = prepared(.events)
    }

    // MARK: Sessions

    /// The name under which a store keeps the session with this identifier.
    package func storageName(of identifier: SessionIdentifier) -> SessionName {
        SessionName(self.derived(.name, from: identifier, 1))
    }

    /// The key that seals the record of the session with this identifier.
    package func sealKey(of identifier: SessionIdentifier) -> SealKey {
        SealKey(self.derived(.seal, from: identifier, 1))
    }

    /// The key that seals what can be listed of the session stored under a name; the identifier is not needed for it.
    package func labelKey(of name: SessionName) -> SealKey {
        var message = SecretBytes<33>()
        message.replace(at: 0, with: name.secret)
        message[32] = 1
        return SealKey(self.code(.label, over: message))
    }

    // MARK: Remembered logins: of another purpose than sessions, so that no token is ever taken for a session

    /// The name under which a store keeps the remembered login of this identifier.
    package func rememberStorageName(of identifier: SessionIdentifier) -> SessionName {
        SessionName(self.derived(.remember, from: identifier, 1))
    }

    /// The key that seals the remembered login of this identifier.
    package func rememberSealKey(of identifier: SessionIdentifier) -> SealKey {
        SealKey(self.derived(.remember, from: identifier, 2))
    }

    /// The key that seals what is kept of events.
    package var eventKey: SealKey { SealKey(self.code(.events, over: [1])) }

    // MARK: Tags

    /// What stands for a user where the name must not be read.
    package func userTag(of user: String) -> UserTag {
        UserTag(SecretBytes(prefixOf: self.code(.user, over: user)))
    }

    /// What stands for a user in the file of events: another value than in the index of users, so that the two cannot be joined.
    package func eventTag(of user: String) -> [UInt8] { SecretBytes<16>(prefixOf: self.code(.events, 2, over: Array(user.utf8))).bytes }

    /// What stands for a secret or personal value in logs: 12 hexadecimal digits.
    package func logTag(of bytes: [UInt8]) -> String {
        Hexadecimal.text(SecretBytes<6>(prefixOf: self.code(.log, over: bytes)).bytes)
    }

    // MARK: Codes

    private func derived(_ purpose: Purpose, from identifier: SessionIdentifier, _ index: UInt8) -> SecretBytes<32> {
        var message = SecretBytes<34>()
        message.replace(at: 0, with: identifier.secret)
        message[33] = index
        return self.code(purpose, over: message)
    }

    /// The code of a purpose over a message.
    func code<let count: Int>(_ purpose: Purpose, over message: SecretBytes<count>) -> SecretBytes<32> {
        unsafe message.withUnsafeBytes { unsafe self.code(purpose, over: $0) }
    }

    /// The code of a purpose over a byte that says which use it is, and a secret.
    func code<let count: Int>(_ purpose: Purpose, _ use: UInt8, over secret: SecretBytes<count>) -> SecretBytes<32> {
        var hash = self.prepared(purpose)
        unsafe withUnsafeBytes(of: use) { unsafe hash.update(data: $0) }
        unsafe secret.withUnsafeBytes { unsafe hash.update(data: $0) }
        return Self.bytes(of: hash.finalize())
    }

    /// The code of a purpose over a byte that says which use it is, and bytes.
    func code(_ purpose: Purpose, _ use: UInt8, over bytes: [UInt8]) -> SecretBytes<32> {
        var hash = self.prepared(purpose)
        unsafe withUnsafeBytes(of: use) { unsafe hash.update(data: $0) }
        unsafe bytes.withUnsafeBytes { unsafe hash.update(data: $0) }
        return Self.bytes(of: hash.finalize())
    }

    func code(_ purpose: Purpose, over bytes: [UInt8]) -> SecretBytes<32> {
        unsafe bytes.withUnsafeBytes { unsafe self.code(purpose, over: $0) }
    }

    func code(_ purpose: Purpose, over text: String) -> SecretBytes<32> {
        var text = text
        return text.withUTF8 { unsafe self.code(purpose, over: UnsafeRawBufferPointer($0)) }
    }

    private func code(_ purpose: Purpose, over message: UnsafeRawBufferPointer) -> SecretBytes<32> {
        var hash = self.prepared(purpose)
        unsafe hash.update(data: message)
        return Self.bytes(of: hash.finalize())
    }

    private static func bytes(of code: HMAC<SHA256>.MAC) -> SecretBytes<32> {
        unsafe code.withUnsafeBytes { code in unsafe SecretBytes { unsafe $0.copyMemory(from: code) } }
    }

    private func prepared(_ purpose: Purpose) -> HMAC<SHA256> {
        switch purpose {
        case .name: self.name
        case .seal: self.seal
        case .nonce: self.nonce
        case .fingerprint: self.fingerprint
        case .user: self.user
        case .log: self.log
        case .label: self.label
        case .signal: self.signal
        case .csrf: self.csrf
        case .remember: self.remember
        case .events: self.events
        }
    }
}

extension ServerKeys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A stand-in that is safe to log.
    package var description: String { "ServerKeys(\(self.number), redacted)" }
    package var debugDescription: String { self.description }
    /// Shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
