/// The name under which a store keeps a session: a keyed hash of the session identifier, 32 bytes.
///
/// It reveals nothing of the identifier and an attacker cannot steer it, so it is safe in file names and logs.
public struct SessionName: Sendable, Hashable {
    /// The number of bytes of a name.
    public static let byteCount = 32

    private let words: InlineArray<4, UInt64>

    /// Creates a name from exactly 32 bytes; `nil` for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        var words = InlineArray<4, UInt64>(repeating: 0)
        for position in bytes.indices {
            words[position / 8] |= UInt64(bytes[position]) << UInt64(56 - 8 * (position % 8))
        }
        self.words = words
    }

    /// Parses 64 lower-case hexadecimal digits, as ``hexadecimal`` gives them; `nil` for anything else.
    public init?(hexadecimal digits: [UInt8]) {
        guard digits.count == 2 * Self.byteCount else { return nil }
        var words = InlineArray<4, UInt64>(repeating: 0)
        for position in digits.indices {
            let digit = digits[position]
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            words[position / 16] = words[position / 16] << 4 | UInt64(value)
        }
        self.words = words
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, initialized in
            for index in 0..<Self.byteCount {
                unsafe buffer[index] = UInt8(truncatingIfNeeded: self.words[index / 8] >> UInt64(56 - 8 * (index % 8)))
            }
            initialized = Self.byteCount
        }
    }

    /// The first word, well mixed: for striping and sharding.
    public var prefix: UInt64 { self.words[0] }

    /// 64 lower-case hexadecimal digits.
    public var hexadecimal: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for byte in self.bytes {
            digits.append(Self.digit(byte >> 4))
            digits.append(Self.digit(byte & 0x0F))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public static func == (lhs: SessionName, rhs: SessionName) -> Bool {
        // Names are no secrets, so the comparison may stop early.
        lhs.words[0] == rhs.words[0] && lhs.words[1] == rhs.words[1] && lhs.words[2] == rhs.words[2] && lhs.words[3] == rhs.words[3]
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func hash(into hasher: inout Hasher) {
        for index in self.words.indices { hasher.combine(self.words[index]) }
    }
}

extension SessionName: CustomStringConvertible {
    /// The first 12 hexadecimal digits: enough for a log line.
    public var description: String { String(self.hexadecimal.prefix(12)) }
}
