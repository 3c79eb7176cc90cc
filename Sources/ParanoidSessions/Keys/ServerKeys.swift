internal import Crypto

/// The keys derived from one server secret, one per purpose, prepared once so that using one costs a single hash.
///
/// Each purpose's key is HKDF-Expand of the secret with the purpose as information (RFC 5869 section 2.3); a key of a session is
/// HKDF-Expand of the purpose's key with the session's identifier as information.
public struct ServerKeys: Sendable {
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
    }

    /// The number of the secret.
    public let number: UInt8
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

    /// Derives the keys of a secret.
    public init(_ secret: ServerSecret) {
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
    }

    /// The 32 bytes under which a store keeps the session with this identifier.
    public func storageName(of identifier: SessionIdentifier) -> [UInt8] {
        self.code(.name, over: identifier.derivationInput + [1])
    }

    /// The key that seals the record of the session with this identifier.
    public func sealKey(of identifier: SessionIdentifier) -> SealKey {
        SealKey(self.code(.seal, over: identifier.derivationInput + [1]))
    }

    /// The key that seals what can be listed of the session stored under a name; the identifier is not needed for it.
    public func labelKey(ofName name: [UInt8]) -> SealKey {
        SealKey(self.code(.label, over: name + [1]))
    }

    /// What stands for a user where the name must not be read: 16 bytes.
    public func userTag(of user: String) -> [UInt8] {
        Array(self.code(.user, over: Array(user.utf8)).prefix(16))
    }

    /// What stands for a secret or personal value in logs: 12 hexadecimal digits.
    public func logTag(of bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: self.code(.log, over: bytes).prefix(6).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }

    /// The bytes of a code, copied in one go: as a sequence it would be taken byte by byte through a generic interface.
    private static func bytes(of code: HMAC<SHA256>.MAC) -> [UInt8] {
        unsafe code.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    func code(_ purpose: Purpose, over bytes: [UInt8]) -> [UInt8] {
        var hash =
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
            }
        hash.update(data: bytes)
        return Self.bytes(of: hash.finalize())
    }
}

extension ServerKeys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A stand-in that is safe to log.
    public var description: String { "ServerKeys(\(self.number), redacted)" }
    /// A stand-in that is safe to log.
    public var debugDescription: String { self.description }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
