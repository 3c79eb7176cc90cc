// Numbers as text and as bytes: the package's one place for hexadecimal, decimal and big-endian forms.

/// Hexadecimal digits (RFC 4648, section 8).
package enum Hexadecimal {
    /// The digit of a value below 16, in lower case.
    @inlinable
    package static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? value &+ 0x30 : value &+ 0x57
    }

    /// The digits of eight values of four bits, the highest first: the text as it lies in memory, the first digit in the lowest byte.
    package static func digits(_ number: UInt32) -> UInt64 {
        // The values are spread over eight bytes; where adding 6 carries into the upper half of a byte, it is a letter.
        var spread = UInt64(number)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = (spread &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return (spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).byteSwapped
    }

    /// The digit of a value below 16, in upper case, as percent escapes have it (RFC 3986, section 2.1).
    @inlinable
    package static func upperDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? value &+ 0x30 : value &+ 0x37
    }

    /// Two digits for each byte, in lower case.
    ///
    /// Not generic: a generic one that the caller's module cannot specialise allocates for each byte that it visits.
    package static func text(_ bytes: [UInt8]) -> String {
        unsafe String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            for (index, byte) in bytes.enumerated() {
                unsafe text[2 * index] = Self.digit(byte >> 4)
                unsafe text[2 * index + 1] = Self.digit(byte & 0x0F)
            }
            return 2 * bytes.count
        }
    }

    /// The number with at least `width` digits, in lower case.
    package static func text(_ number: UInt64, width: Int = 1) -> String {
        var text: [UInt8] = []
        for shift in stride(from: 60, through: 0, by: -4) {
            let value = UInt8(truncatingIfNeeded: number >> UInt64(shift)) & 0x0F
            if !text.isEmpty || value != 0 || shift < 4 * width { text.append(Self.digit(value)) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that pairs of digits stand for; `nil` for anything else, capitals included unless they are allowed.
    package static func bytes(of digits: some Collection<UInt8>, allowsCapitals: Bool = false) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        var high: UInt8?
        for byte in digits {
            guard let digit = byte.hexadecimalValue, allowsCapitals || !(0x41...0x46 ~= byte) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }

    /// The number that 1 to 16 digits, in either case, stand for; `nil` for anything else, a sign included.
    package static func number(_ text: some Collection<UInt8>) -> UInt64? {
        guard 1...16 ~= text.count else { return nil }
        var number: UInt64 = 0
        for byte in text {
            guard let digit = byte.hexadecimalValue else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}

/// Decimal digits and nothing else: `Int("+5")` is 5 in Swift, and no protocol here has a sign.
package enum Decimal {
    /// The number that 1 to 18 digits stand for; `nil` for anything else.
    @inlinable
    package static func number(_ text: RawSpan) -> Int? {
        guard text.byteCount >= 1, text.byteCount <= 18 else { return nil }
        var number = 0
        for offset in 0..<text.byteCount {
            guard let digit = text.byte(at: offset).decimalValue else { return nil }
            number = number &* 10 &+ Int(digit)
        }
        return number
    }

    /// The number that 1 to 18 digits stand for; `nil` for anything else.
    package static func number(_ text: some Collection<UInt8>) -> Int? {
        guard 1...18 ~= text.count else { return nil }
        var number = 0
        for byte in text {
            guard let digit = byte.decimalValue else { return nil }
            number = number * 10 + Int(digit)
        }
        return number
    }

    /// Appends the digits of a number that is not negative.
    package static func append(_ number: Int, to text: inout [UInt8]) {
        precondition(number >= 0, "no protocol here has a sign")
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(truncatingIfNeeded: 0x30 + number / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends a number of exactly `width` digits, padded with zeros; what has more digits loses the first ones.
    package static func append(_ number: Int, width: Int, to text: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<max(width, 1) { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(truncatingIfNeeded: 0x30 + number / divisor % 10))
            divisor /= 10
        }
    }
}

/// Big-endian words, the order of the network (RFC 1700).
package enum BigEndian {
    /// The number whose bytes these are, the most significant first; more than eight keep the last eight.
    ///
    /// Not generic, see ``Hexadecimal/text(_:)``.
    package static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var number: UInt64 = 0
        for byte in bytes { number = number << 8 | UInt64(byte) }
        return number
    }

    /// Appends the `width` least significant bytes of a number, the most significant of them first.
    @inlinable
    package static func append(_ number: UInt64, width: Int = 8, to bytes: inout [UInt8]) {
        var shift = UInt64(8 &* width)
        while shift > 0 {
            shift &-= 8
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// The `width` least significant bytes of a number, the most significant of them first.
    @inlinable
    package static func bytes(_ number: UInt64, width: Int = 8) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width)
        Self.append(number, width: width, to: &bytes)
        return bytes
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit in either case; `nil` for any other byte.
    @inlinable
    package var hexadecimalValue: UInt8? {
        switch self {
        case 0x30...0x39: self &- 0x30
        case 0x41...0x46: self &- 0x37
        case 0x61...0x66: self &- 0x57
        default: nil
        }
    }

    /// The value of a decimal digit; `nil` for any other byte.
    @inlinable
    package var decimalValue: UInt8? {
        let value = self &- 0x30
        return value < 10 ? value : nil
    }
}
