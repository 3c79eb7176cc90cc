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
        switch bytes.count {
        case 4: self.init(high: 0, low: 0xFFFF_0000_0000 | BigEndian.number(bytes[...]))
        case 16: self.init(high: BigEndian.number(bytes[..<8]), low: BigEndian.number(bytes[8...]))
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
            guard part.count == 1 || part.first != UInt8(ascii: "0"), let number = Decimal.number(part), number <= 255 else { return nil }
            value = value << 8 | UInt64(number)
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
            guard part.count <= 4, let group = Hexadecimal.number(part) else { return nil }
            halves[halves.count - 1].append(UInt16(truncatingIfNeeded: group))
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
}

/// A block of addresses in CIDR notation, or one address.
package struct NetworkPrefix: Sendable, Hashable {
    private let address: NetworkAddress
    private let highMask: UInt64
    private let lowMask: UInt64

    /// Parses `10.0.0.0/8`, `2001:db8::/32` or a single address; `nil` for anything else, bits outside the prefix included.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard 1...2 ~= parts.count, let address = NetworkAddress(String(parts[0]) ?? "") else { return nil }
        var length = 128
        if parts.count == 2 {
            guard parts[1].count <= 3, let number = Decimal.number(parts[1]) else { return nil }
            length = number
            if address.isIPv4, !parts[0].contains(UInt8(ascii: ":")) {
                guard length <= 32 else { return nil }
                length += 96
            }
            guard length <= 128 else { return nil }
        }
        self.highMask = Self.mask(min(length, 64))
        self.lowMask = Self.mask(max(length - 64, 0))
        guard address.high & ~self.highMask == 0, address.low & ~self.lowMask == 0 else { return nil }
        self.address = address
    }

    /// The bytes of the network around an address: those of the text itself when it is no address.
    package static func bytes(around text: String, version4: Int, version6: Int) -> [UInt8] {
        guard let address = NetworkAddress(text) else { return Array(text.utf8) }
        let length = address.isIPv4 ? 96 + version4 : version6
        var bytes: [UInt8] = []
        BigEndian.append(address.high & Self.mask(min(length, 64)), to: &bytes)
        BigEndian.append(address.low & Self.mask(max(length - 64, 0)), to: &bytes)
        return bytes
    }

    /// Whether the address lies in the block.
    package func contains(_ address: NetworkAddress) -> Bool {
        address.high & self.highMask == self.address.high && address.low & self.lowMask == self.address.low
    }

    private static func mask(_ bits: Int) -> UInt64 {
        bits == 0 ? 0 : UInt64.max << UInt64(64 - bits)
    }
}
