/// Bytes as pairs of hexadecimal digits.
package enum Hexadecimal {
    /// Lower-case digits.
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        unsafe String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            var place = 0
            for byte in bytes {
                unsafe text[place] = Self.digit(byte >> 4)
                unsafe text[place + 1] = Self.digit(byte & 15)
                place += 2
            }
            return place
        }
    }

    /// The bytes that pairs of digits stand for; `nil` for anything else.
    package static func bytes(of digits: some Collection<UInt8>, allowsCapitals: Bool = false) -> [UInt8]? {
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        var high: UInt8?
        for digit in digits {
            guard let value = Self.value(of: digit, allowsCapitals: allowsCapitals) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(of digit: UInt8, allowsCapitals: Bool) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F") where allowsCapitals: digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
