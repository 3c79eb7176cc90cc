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

    /// Whether the pair has a name.
    @inline(__always)
    func hasName(_ name: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.value &- self.name == name.count else { return false }
        var offset = 0
        while offset &+ 8 <= name.count {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: self.name &+ offset, as: UInt64.self)
            guard unsafe word == name.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
            offset &+= 8
        }
        while offset < name.count {
            guard unsafe bytes[self.name &+ offset] == name[offset] else { return false }
            offset &+= 1
        }
        return true
    }

    /// Whether the pair cannot be told from another one as a C string: a zero byte, an equals sign in the name, no name.
    func isAmbiguous(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.name < self.value else { return true }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[self.name..<self.value]).contains { $0 == 0 || $0 == UInt8(ascii: "=") }
            || UnsafeRawBufferPointer(rebasing: bytes[self.value..<self.end]).contains(0)
    }
}

/// The name-value pairs of a head that ``ParameterScanner`` has judged.
struct ParameterPairs {
    /// Where the next pair begins.
    private(set) var position: Int

    /// Begins with the first pair, or with the one at a position.
    init(at position: Int = 0) {
        self.position = position
    }

    /// The next name and its value; `nil` behind the last.
    @inline(__always)
    mutating func next(in bytes: UnsafeRawBufferPointer) -> ParameterPair? {
        guard let pair = unsafe ParameterPair(at: self.position, before: bytes.count, of: bytes) else { return nil }
        self.position = pair.end
        return pair
    }
}
