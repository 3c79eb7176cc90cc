/// The ranges of bytes that a request asks for (RFC 9110, section 14).
///
/// Pure.
package enum ByteRanges: Sendable, Hashable {
    /// None, or something that is answered with the whole: another unit, a malformed field, or ranges that would be more than the whole.
    case whole
    /// These, each within the representation.
    case some([Range<Int>])
    /// No range begins within the representation: 416.
    case unsatisfiable

    /// The most ranges of one request; more of them cost more than the whole (RFC 9110, section 14.2).
    package static let maximumCount = 16

    /// Reads the value of a `Range` field for a representation of `length` bytes.
    package init(_ field: [UInt8], length: Int) {
        let unit = Array("bytes=".utf8)
        guard field.count <= 1024, field.prefix(unit.count).elementsEqual(unit, by: { $0 | 0x20 == $1 | 0x20 }) else {
            self = .whole
            return
        }
        var ranges: [Range<Int>] = []
        var count = 0
        var total = 0
        for part in field.dropFirst(unit.count).split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let text = part.drop { $0 == 0x20 || $0 == 0x09 }.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed()
            // An empty element of a list means nothing (RFC 9110, section 5.6.1.2).
            if text.isEmpty { continue }
            count += 1
            guard count <= Self.maximumCount, let spec = Spec(Array(text)) else {
                self = .whole
                return
            }
            guard let range = spec.range(of: length) else { continue }
            total += range.count
            ranges.append(range)
        }
        if count == 0 || total > length {
            self = .whole
        } else {
            self = ranges.isEmpty ? .unsatisfiable : .some(ranges)
        }
    }

    /// One element of the field.
    private enum Spec {
        case from(Int, through: Int?)
        case last(Int)

        init?(_ text: [UInt8]) {
            guard let dash = text.firstIndex(of: UInt8(ascii: "-")) else { return nil }
            let (first, last) = (text[..<dash], text[(dash + 1)...])
            if first.isEmpty {
                guard let count = Self.number(last) else { return nil }
                self = .last(count)
                return
            }
            guard let start = Self.number(first) else { return nil }
            if last.isEmpty {
                self = .from(start, through: nil)
                return
            }
            guard let end = Self.number(last), end >= start else { return nil }
            self = .from(start, through: end)
        }

        /// Digits; what has too many of them is as large as it gets.
        private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
            guard !digits.isEmpty, digits.allSatisfy({ $0.decimalValue != nil }) else { return nil }
            return Decimal.number(digits.drop { $0 == UInt8(ascii: "0") }) ?? (digits.allSatisfy { $0 == UInt8(ascii: "0") } ? 0 : Int.max)
        }

        func range(of length: Int) -> Range<Int>? {
            switch self {
            case .last(let count): count == 0 || length == 0 ? nil : (length - min(count, length))..<length
            case .from(let start, let end): start < length ? start..<(min(end ?? length - 1, length - 1) + 1) : nil
            }
        }
    }
}
