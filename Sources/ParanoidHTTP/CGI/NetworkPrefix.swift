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
            let digits = parts[1]
            guard 1...3 ~= digits.count, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
            length = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
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
        let words = [address.high & Self.mask(min(length, 64)), address.low & Self.mask(max(length - 64, 0))]
        return words.flatMap { word in stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) } }
    }

    /// Whether the address lies in the block.
    package func contains(_ address: NetworkAddress) -> Bool {
        address.high & self.highMask == self.address.high && address.low & self.lowMask == self.address.low
    }

    private static func mask(_ bits: Int) -> UInt64 {
        bits == 0 ? 0 : UInt64.max << UInt64(64 - bits)
    }
}
