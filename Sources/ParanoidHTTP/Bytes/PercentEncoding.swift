/// Percent escapes (RFC 3986, section 2.1), with `+` for a space where a form is read.
package enum PercentEncoding {
    /// Whether a plus sign stands for a space (`application/x-www-form-urlencoded`) or for itself (a path).
    package enum Plus: Sendable {
        case space, itself
    }

    /// The bytes with their escapes decoded; `nil` when a percent sign is not followed by two hexadecimal digits.
    package static func decode(_ bytes: Span<UInt8>, plus: Plus = .itself) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            offset &+= 1
            if byte == UInt8(ascii: "%") {
                guard let escaped = Self.escape(in: bytes, at: offset) else { return nil }
                decoded.append(escaped)
                offset &+= 2
            } else {
                decoded.append(byte == UInt8(ascii: "+") && plus == .space ? UInt8(ascii: " ") : byte)
            }
        }
        return decoded
    }

    /// The byte whose two digits begin at `offset`; `nil` when they are not two hexadecimal digits.
    @inline(__always)
    package static func escape(in bytes: Span<UInt8>, at offset: Int) -> UInt8? {
        guard offset &+ 1 < bytes.count, let high = bytes[offset].hexadecimalValue, let low = bytes[offset &+ 1].hexadecimalValue else {
            return nil
        }
        return high << 4 | low
    }

    /// Appends the escape of a byte, with digits in upper case.
    package static func append(_ byte: UInt8, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "%"))
        text.append(Hexadecimal.upperDigit(byte >> 4))
        text.append(Hexadecimal.upperDigit(byte & 0x0F))
    }
}
