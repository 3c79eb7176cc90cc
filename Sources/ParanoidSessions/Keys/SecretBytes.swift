/// A fixed number of bytes that must not be seen: redacted when printed, compared in constant time, never `Codable`, never on the heap.
///
/// The types that give such bytes a meaning (``SessionIdentifier``, ``SecureKey``, ``ServerSecret``) wrap this one.
struct SecretBytes<let count: Int>: Sendable, BitwiseCopyable {
    private var storage: InlineArray<count, UInt8>

    /// All zeros.
    init() {
        self.storage = InlineArray(repeating: 0)
    }

    /// Draws all bytes.
    init(using generator: inout some RandomNumberGenerator) {
        self.init()
        var index = 0
        while index < count {
            var word = generator.next()
            for _ in 0..<min(8, count - index) {
                self.storage[index] = UInt8(truncatingIfNeeded: word)
                word >>= 8
                index += 1
            }
        }
    }

    /// Copies bytes; `nil` for another number of them.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == count else { return nil }
        self.init()
        var index = 0
        for byte in bytes {
            self.storage[index] = byte
            index += 1
        }
    }

    /// The first bytes of a longer value.
    init<let longer: Int>(prefixOf other: SecretBytes<longer>) {
        self.init(other, from: 0)
    }

    /// The bytes of another value from a place on.
    init<let longer: Int>(_ other: SecretBytes<longer>, from start: Int) {
        precondition(start >= 0 && start + count <= longer)
        self.init()
        let room = count
        unsafe other.withUnsafeBytes { other in
            var span = self.storage.mutableSpan
            unsafe span.withUnsafeMutableBytes { unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: other[start..<start + room])) }
        }
    }

    subscript(index: Int) -> UInt8 {
        get { self.storage[index] }
        set { self.storage[index] = newValue }
    }

    /// Puts another value in at a place.
    mutating func replace<let shorter: Int>(at start: Int, with other: SecretBytes<shorter>) {
        precondition(start >= 0 && start + shorter <= count)
        unsafe other.withUnsafeBytes { other in
            var span = self.storage.mutableSpan
            unsafe span.withUnsafeMutableBytes { unsafe UnsafeMutableRawBufferPointer(rebasing: $0[start...]).copyMemory(from: other) }
        }
    }

    /// Puts a number in at a place, most significant byte first.
    mutating func replace<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(at start: Int, withBigEndian number: Number) {
        var span = self.storage.mutableSpan
        unsafe span.withUnsafeMutableBytes { unsafe $0.storeBytes(of: number.bigEndian, toByteOffset: start, as: Number.self) }
    }

    /// The number at a place, most significant byte first.
    func bigEndian<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(at start: Int, as type: Number.Type) -> Number {
        unsafe self.withUnsafeBytes { unsafe Number(bigEndian: $0.loadUnaligned(fromByteOffset: start, as: type)) }
    }

    /// The bytes on the heap, for what takes nothing else.
    var bytes: [UInt8] { unsafe self.withUnsafeBytes { unsafe [UInt8]($0) } }

    /// The bytes where they are.
    func withUnsafeBytes<Value, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value) throws(Failure) -> Value {
        try unsafe self.storage.span.withUnsafeBytes(body)
    }

    /// Copies what `fill` writes.
    init(filling fill: (UnsafeMutableRawBufferPointer) -> Void) {
        self.init()
        var span = self.storage.mutableSpan
        unsafe span.withUnsafeMutableBytes { unsafe fill($0) }
    }
}

extension SecretBytes: Hashable {
    /// Compares in time that depends on the length only.
    static func == (lhs: SecretBytes, rhs: SecretBytes) -> Bool {
        unsafe lhs.withUnsafeBytes { lhs in unsafe rhs.withUnsafeBytes { unsafe lhs.hasSameBytes(as: $0) } }
    }

    func hash(into hasher: inout Hasher) {
        unsafe self.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "(redacted)" }
    var debugDescription: String { "(redacted)" }
    /// Shows nothing to `dump(_:)` and to test frameworks, which print what a mirror shows.
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes are the same; how long that takes depends on their number only.
    ///
    /// The one comparison of secrets: what else compares some gives its bytes to this.
    @inline(__always)
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard self.count == other.count else { return false }
        var difference: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= self.count {
            difference |=
                unsafe self.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                ^ other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        while offset < self.count {
            difference |= unsafe UInt64(self[offset] ^ other[offset])
            offset &+= 1
        }
        return difference == 0
    }
}

extension [UInt8] {
    /// Whether the bytes are the same; how long that takes depends on their number only.
    package func hasSameBytes(as other: [UInt8]) -> Bool {
        unsafe self.withUnsafeBytes { bytes in unsafe other.withUnsafeBytes { unsafe bytes.hasSameBytes(as: $0) } }
    }
}
