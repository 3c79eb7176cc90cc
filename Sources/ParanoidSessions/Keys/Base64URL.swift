/// Base64 with the alphabet that is safe in cookies and URLs, without padding (RFC 4648 section 5).
///
/// Only whole groups are coded (3 bytes, 4 characters), so that every value has exactly one text.
enum Base64URL {
    /// Codes bytes whose count is a multiple of 3.
    static func encode(_ bytes: [UInt8]) -> String {
        precondition(bytes.count % 3 == 0, "whole groups only")
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count / 3 * 4)
        var index = 0
        while index < bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            text.append(Self.character(group >> 18))
            text.append(Self.character(group >> 12))
            text.append(Self.character(group >> 6))
            text.append(Self.character(group))
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes text of exactly `count` bytes' length; `nil` for any other length or character.
    static func decode(_ text: some Collection<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == count / 3 * 4 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var group: UInt32 = 0
        var collected = 0
        for character in text {
            guard let value = Self.value(of: character) else { return nil }
            group = group << 6 | value
            collected += 1
            if collected == 4 {
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
                collected = 0
            }
        }
        return bytes
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
