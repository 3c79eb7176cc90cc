/// Bytes that must not be seen: redacted when printed, compared in constant time, never `Codable`.
///
/// The types that give such bytes a meaning (``SessionIdentifier``, ``SecureKey``, ``ServerSecret``) wrap this one.
struct SecretBytes: Sendable, Hashable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Draws `count` bytes.
    init(count: Int, using generator: inout some RandomNumberGenerator) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            var word = generator.next()
            for _ in 0..<min(8, count - bytes.count) {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        self.bytes = bytes
    }

    /// Compares in time that depends on the lengths only.
    static func == (lhs: SecretBytes, rhs: SecretBytes) -> Bool {
        lhs.bytes.isEqualInConstantTime(to: rhs.bytes)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(self.bytes)
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "(redacted)" }
    var debugDescription: String { "(redacted)" }
    /// Shows nothing to `dump(_:)` and to test frameworks, which print what a mirror shows.
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension [UInt8] {
    /// Compares all bytes, whatever the first of them are; arrays of different lengths differ.
    func isEqualInConstantTime(to other: [UInt8]) -> Bool {
        guard self.count == other.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<self.count {
            difference |= self[index] ^ other[index]
        }
        return difference == 0
    }
}
