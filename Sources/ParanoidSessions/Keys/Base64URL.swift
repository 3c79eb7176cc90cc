/// Base64 with the alphabet that is safe in cookies and URLs, without padding (RFC 4648 section 5).
///
/// Only whole groups are coded (3 bytes, 4 characters), so that every value has exactly one text.
enum Base64URL {
    /// Codes bytes whose count is a multiple of 3.
    static func encode<let count: Int>(_ secret: SecretBytes<count>) -> String {
        precondition(count % 3 == 0, "whole groups only")
        return unsafe String(unsafeUninitializedCapacity: count / 3 * 4) { text in
            var place = 0
            for index in stride(from: 0, to: count, by: 3) {
                let group = UInt32(secret[index]) << 16 | UInt32(secret[index + 1]) << 8 | UInt32(secret[index + 2])
                for shift in stride(from: UInt32(18), through: 0, by: -6) {
                    unsafe text[place] = Self.character(group >> shift)
                    place += 1
                }
            }
            return place
        }
    }

    /// Decodes text of exactly as many bytes as the value has; `nil` for any other length or character.
    static func decode<let count: Int>(_ text: some Collection<UInt8>, as type: SecretBytes<count>.Type) -> SecretBytes<count>? {
        // Contiguous text is read through its buffer: a collection of another module is asked for each byte otherwise.
        if let decoded = text.withContiguousStorageIfAvailable({ unsafe Self.decode(bytes: $0, as: type) }) { return decoded }
        return Self.decode(bytes: text, as: type)
    }

    @inline(__always)
    private static func decode<let count: Int>(bytes text: some Collection<UInt8>, as type: SecretBytes<count>.Type) -> SecretBytes<count>?
    {
        guard text.count == count / 3 * 4 else { return nil }
        var secret = SecretBytes<count>()
        var group: UInt32 = 0
        var collected = 0
        var place = 0
        for character in text {
            guard let value = Self.value(of: character) else { return nil }
            group = group << 6 | value
            collected += 1
            if collected == 4 {
                secret[place] = UInt8(truncatingIfNeeded: group >> 16)
                secret[place + 1] = UInt8(truncatingIfNeeded: group >> 8)
                secret[place + 2] = UInt8(truncatingIfNeeded: group)
                place += 3
                collected = 0
            }
        }
        return secret
    }

    private static func character(_ sextet: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: sextet & 63)
        return switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + (value - 26)
        case 52..<62: UInt8(ascii: "0") + (value - 52)
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
