/// Where the pairs of a head begin, with a mark of each name: what is asked for by name is found without a walk over all pairs.
///
/// Only the first pairs are kept; behind them the walk goes on. Marks are compared first, names always. Pairs whose marks end alike are
/// chained, the last one first. It is never copied: that would cost more than a look at it.
struct ParameterIndex: Sendable, ~Copyable {
    private static let capacity = 64

    /// The mark of a name in the lower half, the position of its pair in the upper one.
    private var entries = InlineArray<64, UInt64>(repeating: 0)
    /// The number of a chain's last pair, from 1; 0: it has none.
    private var chains = InlineArray<64, UInt8>(repeating: 0)
    /// The number of the pair before in the same chain.
    private var before = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0
    /// Behind the last pair that is kept.
    private var end = 0

    /// Takes note of the pairs of another head, which ``ParameterScanner`` has judged.
    mutating func build(over bytes: UnsafeRawBufferPointer) {
        var pairs = ParameterPairs()
        var count = 0
        self.chains = InlineArray(repeating: 0)
        while count < Self.capacity {
            let position = pairs.position
            guard let pair = unsafe pairs.next(in: bytes) else { break }
            let mark = unsafe Self.mark(UnsafeRawBufferPointer(rebasing: bytes[pair.name..<pair.value]))
            let chain = Self.chain(of: mark)
            self.entries[count] = UInt64(position) << 32 | UInt64(mark)
            self.before[count] = self.chains[chain]
            count &+= 1
            self.chains[chain] = UInt8(truncatingIfNeeded: count)
        }
        self.count = count
        self.end = pairs.position
    }

    /// Finds the value of the first parameter of a name.
    func value(of name: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        let mark = unsafe Self.mark(name)
        // Through spans: a look at an inline array itself may copy it.
        let (entries, before) = (self.entries.span, self.before.span)
        var found: Range<Int>?
        var number = Int(self.chains.span[Self.chain(of: mark)])
        while number > 0 {
            let entry = entries[number &- 1]
            number = Int(before[number &- 1])
            guard UInt32(truncatingIfNeeded: entry) == mark else { continue }
            guard let pair = unsafe ParameterPair(at: Int(entry >> 32), before: bytes.count, of: bytes) else { return nil }
            // The chain leads back: the one found last came first.
            if unsafe pair.hasName(name, in: bytes) { found = pair.value..<pair.end }
        }
        if found != nil || self.count < Self.capacity { return found }
        var pairs = ParameterPairs(at: self.end)
        while let pair = unsafe pairs.next(in: bytes) {
            if unsafe pair.hasName(name, in: bytes) { return pair.value..<pair.end }
        }
        return nil
    }

    @inline(__always)
    private static func chain(of mark: UInt32) -> Int { Int((mark &* 0x9E37_79B1) >> 26) }

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
