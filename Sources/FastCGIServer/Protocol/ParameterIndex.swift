/// Where the pairs of a head begin, with a mark of each name: what is asked for by name is found without a walk over all pairs.
///
/// Only the first pairs are kept; behind them the walk goes on. Marks are compared first, names always.
struct ParameterIndex: Sendable {
    private static let capacity = 64

    /// The mark of a name in the lower half, the position of its pair in the upper one.
    private var entries = InlineArray<64, UInt64>(repeating: 0)
    private var count = 0
    /// Behind the last pair that is kept.
    private var end = 0

    /// Takes note of the pairs of another head, which ``ParameterScanner`` has judged.
    mutating func build(over bytes: UnsafeRawBufferPointer) {
        var pairs = ParameterPairs()
        var count = 0
        while count < Self.capacity {
            let position = pairs.position
            guard let pair = unsafe pairs.next(in: bytes) else { break }
            let mark = unsafe Self.mark(UnsafeRawBufferPointer(rebasing: bytes[pair.name..<pair.value]))
            self.entries[count] = UInt64(position) << 32 | UInt64(mark)
            count &+= 1
        }
        self.count = count
        self.end = pairs.position
    }

    /// Finds the value of the first parameter of a name.
    func value(of name: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        let mark = unsafe UInt64(Self.mark(name))
        let entries = self.entries.span
        for index in 0..<self.count where entries[index] & 0xFFFF_FFFF == mark {
            guard let pair = unsafe ParameterPair(at: Int(entries[index] >> 32), before: bytes.count, of: bytes) else { return nil }
            if unsafe pair.hasName(name, in: bytes) { return pair.value..<pair.end }
        }
        guard self.count == Self.capacity else { return nil }
        var pairs = ParameterPairs(at: self.end)
        while let pair = unsafe pairs.next(in: bytes) {
            if unsafe pair.hasName(name, in: bytes) { return pair.value..<pair.end }
        }
        return nil
    }

    /// The last bytes of a name, in which names differ most, and its length.
    @inline(__always)
    private static func mark(_ name: UnsafeRawBufferPointer) -> UInt32 {
        let length = UInt32(truncatingIfNeeded: name.count) &* 0x9E37_79B1
        if name.count >= 4 { return unsafe name.loadUnaligned(fromByteOffset: name.count &- 4, as: UInt32.self) ^ length }
        var last: UInt32 = 0
        for index in 0..<name.count { last = unsafe last << 8 | UInt32(name[index]) }
        return last ^ length
    }
}
