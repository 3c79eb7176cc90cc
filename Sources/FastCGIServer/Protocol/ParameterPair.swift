/// The places of a name and its value among the bytes of parameters (FastCGI specification 1.0, section 3.4).
struct ParameterPair {
    /// Where the name begins.
    let name: Int
    /// Where the name ends and the value begins.
    let value: Int
    /// Where the value ends.
    let end: Int

    /// Finds the pair at a position; `nil` unless all of it is there.
    @inline(__always)
    init?(at position: Int, before end: Int, of bytes: UnsafeRawBufferPointer) {
        var position = position
        guard let nameLength = unsafe Self.length(at: &position, before: end, of: bytes),
            let valueLength = unsafe Self.length(at: &position, before: end, of: bytes), end &- position >= nameLength &+ valueLength
        else { return nil }
        self.name = position
        self.value = position &+ nameLength
        self.end = self.value &+ valueLength
    }

    @inline(__always)
    private static func length(at position: inout Int, before end: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
        guard position < end else { return nil }
        let first = unsafe bytes[position]
        if first < 0x80 {
            position &+= 1
            return Int(first)
        }
        guard end &- position >= 4 else { return nil }
        let length = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)) & 0x7FFF_FFFF
        position &+= 4
        return Int(length)
    }

    /// Whether the pair cannot be told from another one as a C string: a zero byte, an equals sign in the name, no name.
    @inline(__always)
    func isAmbiguous(in bytes: UnsafeRawBufferPointer) -> Bool {
        if self.name == self.value { return true }
        if unsafe bytes.containsWord(from: self.name, to: self.end, where: { $0.hasZero }) { return true }
        return unsafe bytes.containsWord(from: self.name, to: self.value) { ($0 ^ 0x3D3D_3D3D_3D3D_3D3D).hasZero }
    }
}

/// The name-value pairs of a head that ``ParameterScanner`` has judged.
struct ParameterPairs {
    private var position = 0

    /// The next name and its value; `nil` behind the last.
    @inline(__always)
    mutating func next(in bytes: UnsafeRawBufferPointer) -> ParameterPair? {
        guard let pair = unsafe ParameterPair(at: self.position, before: bytes.count, of: bytes) else { return nil }
        self.position = pair.end
        return pair
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a word of the range is one that is looked for; no byte outside of the range counts as long as 0xFF is not looked for.
    ///
    /// The last eight bytes overlap what was seen before; to fewer of them, those that follow are read along and then overwritten.
    @inline(__always)
    func containsWord(from start: Int, to end: Int, where isWanted: (UInt64) -> Bool) -> Bool {
        precondition(start >= 0 && end <= self.count)
        let count = end &- start
        if count >= 8 {
            var offset = start
            while offset < end &- 8 {
                if unsafe isWanted(self.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) { return true }
                offset &+= 8
            }
            return unsafe isWanted(self.loadUnaligned(fromByteOffset: end &- 8, as: UInt64.self))
        }
        guard count > 0 else { return false }
        var word = UInt64.max << UInt64(8 &* count)
        if self.count &- start >= 8 {
            word |= unsafe UInt64(littleEndian: self.loadUnaligned(fromByteOffset: start, as: UInt64.self))
        } else {
            for offset in 0..<count { word |= unsafe UInt64(self[start &+ offset]) << UInt64(8 &* offset) }
        }
        return isWanted(word)
    }
}

extension UInt64 {
    /// Whether one of the eight bytes is zero.
    @inline(__always)
    var hasZero: Bool { (self &- 0x0101_0101_0101_0101) & ~self & 0x8080_8080_8080_8080 != 0 }
}
