/// An IPv4 or IPv6 address, compared by value and not by its text.
package struct NetworkAddress: Sendable, Hashable {
    /// The sixteen bytes; an IPv4 address is in its mapped form (`::ffff:a.b.c.d`), so both spellings are one address.
    let high: UInt64
    let low: UInt64

    /// Whether it is an IPv4 address.
    package var isIPv4: Bool { self.high == 0 && self.low >> 32 == 0xFFFF }

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The address with these 4 or 16 bytes, most significant first; `nil` for another number of them.
    package init?(bytes: [UInt8]) {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(high: 0, low: 0xFFFF_0000_0000 | word(bytes[...]))
        case 16: self.init(high: word(bytes[..<8]), low: word(bytes[8...]))
        default: return nil
        }
    }

    /// Parses the text of an address without port, zone or brackets; `nil` for anything else.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (2...45).contains(bytes.count) else { return nil }
        guard let parsed = bytes.contains(UInt8(ascii: ":")) ? Self.version6(bytes) : Self.version4(bytes[...]) else { return nil }
        self = parsed
    }

    private static func version4(_ text: ArraySlice<UInt8>) -> NetworkAddress? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt64 = 0
        for part in parts {
            // A leading zero means octal to some readers, so it is refused.
            guard 1...3 ~= part.count, part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt64 = 0
            for byte in part {
                guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
                number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return NetworkAddress(high: 0, low: 0xFFFF_0000_0000 | value)
    }

    private static func version6(_ text: [UInt8]) -> NetworkAddress? {
        var halves: [[UInt16]] = [[]]
        var rest = text[...]
        if rest.first == UInt8(ascii: ":") {
            guard rest.count >= 2, rest[rest.startIndex + 1] == UInt8(ascii: ":") else { return nil }
            rest = rest.dropFirst(2)
            halves.append([])
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            let part = rest[..<end]
            if part.contains(UInt8(ascii: ".")) {
                guard end == rest.endIndex, let tail = Self.version4(part) else { return nil }
                halves[halves.count - 1] += [UInt16(truncatingIfNeeded: tail.low >> 16), UInt16(truncatingIfNeeded: tail.low)]
                break
            }
            guard let group = Self.group(part) else { return nil }
            halves[halves.count - 1].append(group)
            rest = rest[end...]
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
            guard let next = rest.first else { return nil }
            if next == UInt8(ascii: ":") {
                guard halves.count == 1 else { return nil }
                halves.append([])
                rest = rest.dropFirst()
            }
        }
        return Self.joined(halves)
    }

    private static func joined(_ halves: [[UInt16]]) -> NetworkAddress? {
        let count = halves.reduce(0) { $0 + $1.count }
        guard halves.count == 2 ? count <= 7 : count == 8 else { return nil }
        let groups = halves[0] + [UInt16](repeating: 0, count: 8 - count) + (halves.count == 2 ? halves[1] : [])
        let words = groups.map(UInt64.init)
        return NetworkAddress(
            high: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
            low: words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7]
        )
    }

    private static func group(_ part: ArraySlice<UInt8>) -> UInt16? {
        guard 1...4 ~= part.count else { return nil }
        var value: UInt16 = 0
        for byte in part {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return value
    }
}
