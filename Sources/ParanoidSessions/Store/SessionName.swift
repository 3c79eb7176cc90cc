internal import ParanoidHTTP

/// The name under which a store keeps a session: a keyed hash of the session identifier, 32 bytes.
///
/// It reveals nothing of the identifier and an attacker cannot steer it, so it is safe in file names and logs.
public struct SessionName: Sendable {
    /// The number of bytes of a name.
    package static let byteCount = 32

    let secret: SecretBytes<32>

    init(_ secret: SecretBytes<32>) {
        self.secret = secret
    }

    /// Creates a name from exactly 32 bytes; `nil` for any other count.
    public init?(bytes: [UInt8]) {
        guard let secret = SecretBytes<32>(bytes) else { return nil }
        self.secret = secret
    }

    /// Parses 64 lower-case hexadecimal digits, as ``hexadecimal`` gives them; `nil` for anything else.
    package init?(hexadecimal digits: [UInt8]) {
        guard let bytes = Hexadecimal.bytes(of: digits) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { self.secret.bytes }

    /// The first word, well mixed: for striping and sharding.
    package var prefix: UInt64 { unsafe self.secret.withUnsafeBytes { unsafe UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) } }

    /// 64 lower-case hexadecimal digits.
    package var hexadecimal: String { Self.digits(of: self.bytes) }

    /// Lower-case hexadecimal digits, of which stores make the names of their files; stores do not know HTTP.
    package static func digits(of bytes: [UInt8]) -> String { Hexadecimal.text(bytes) }

    /// Whether a byte is one of these digits.
    package static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
    }
}

extension SessionName: Hashable, CustomStringConvertible {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func hash(into hasher: inout Hasher) {
        // A hash of ours already.
        hasher.combine(self.prefix)
    }

    /// The first 12 hexadecimal digits: enough for a log line.
    public var description: String { String(self.hexadecimal.prefix(12)) }
}

/// What stands for a user in the clear head of a session: a keyed hash of the application's name for the user, 16 bytes.
public struct UserTag: Sendable, Hashable {
    let secret: SecretBytes<16>

    init(_ secret: SecretBytes<16>) {
        self.secret = secret
    }

    /// Creates a tag from exactly 16 bytes; `nil` for any other count.
    package init?(bytes: [UInt8]) {
        guard let secret = SecretBytes<16>(bytes) else { return nil }
        self.secret = secret
    }

    /// The 16 bytes.
    public var bytes: [UInt8] { self.secret.bytes }

    /// 32 lower-case hexadecimal digits.
    package var hexadecimal: String { Hexadecimal.text(self.bytes) }
}
