extension RawSpan {
    /// One byte, bounds checked.
    func byte(at offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < self.byteCount)
        return unsafe self.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Whether the range contains a zero byte or, in a name, an equals sign.
    ///
    /// Looks at eight bytes at a time.
    func hasAmbiguousByte(_ range: Range<Int>, isName: Bool) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= self.byteCount)
        var offset = range.lowerBound
        while offset + 8 <= range.upperBound {
            let word = unsafe self.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            if Self.hasZero(word) || (isName && Self.hasZero(word ^ 0x3D3D_3D3D_3D3D_3D3D)) { return true }
            offset += 8
        }
        while offset < range.upperBound {
            let byte = self.byte(at: offset)
            if byte == 0 || (isName && byte == UInt8(ascii: "=")) { return true }
            offset += 1
        }
        return false
    }

    private static func hasZero(_ word: UInt64) -> Bool {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0
    }
}
