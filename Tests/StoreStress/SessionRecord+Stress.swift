internal import ParanoidSessions

// What the records of the stress tests hold.
extension SessionRecord {
    private static let countName = Array("count".utf8)
    private static let twinName = Array("twin".utf8)
    private static let listName = Array("list".utf8)
    private static let fillerName = Array("filler".utf8)

    /// Makes a record with a counter and so many bytes beside it.
    init(count: UInt64, fillerByteCount: Int, at now: Timestamp) {
        self.init(createdAt: now)
        self.count = count
        if fillerByteCount > 0 { self.values[Self.fillerName] = [UInt8](repeating: UInt8(ascii: "x"), count: fillerByteCount) }
    }

    /// The counter, kept twice, so that a record put together from two states is found.
    var count: UInt64 {
        get { Self.word(self.values[Self.countName]) }
        set {
            self.values[Self.countName] = Self.bytes(of: newValue)
            self.values[Self.twinName] = Self.bytes(of: ~newValue)
        }
    }

    /// Whether both forms of the counter agree.
    var isConsistent: Bool { Self.word(self.values[Self.twinName]) == ~self.count }

    /// A list of words of eight bytes.
    var list: [UInt8] {
        get { self.values[Self.listName] ?? [] }
        set { self.values[Self.listName] = newValue }
    }

    static func bytes(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
    }

    static func word(_ bytes: (some Sequence<UInt8>)?) -> UInt64 {
        bytes?.reduce(0) { $0 << 8 | UInt64($1) } ?? 0
    }
}
