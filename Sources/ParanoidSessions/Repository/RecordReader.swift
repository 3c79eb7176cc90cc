/// Reads what ``RecordWriter`` writes.
///
/// Total: every answer is a value or `nil`, whatever the bytes are.
struct RecordReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) {
        self.rest = ArraySlice(bytes)
    }

    /// Whether everything was read.
    var isAtEnd: Bool { self.rest.isEmpty }

    mutating func byte() -> UInt8? {
        self.rest.popFirst()
    }

    mutating func integer() -> UInt64? {
        guard let bytes = self.take(8) else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func timestamp() -> Timestamp? {
        self.integer().map { Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: $0)) }
    }

    /// The outer `nil` is an error, the inner one a time that is not there.
    mutating func optionalTimestamp() -> Timestamp?? {
        guard let presence = self.byte(), presence <= 1, let time = self.integer() else { return nil }
        return .some(presence == 1 ? Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: time)) : nil)
    }

    mutating func bytes() -> ArraySlice<UInt8>? {
        guard let length = self.length() else { return nil }
        return self.take(length)
    }

    mutating func section() -> (kind: UInt8, content: ArraySlice<UInt8>)? {
        let before = self.rest
        guard let kind = self.byte(), let content = self.bytes() else {
            self.rest = before
            return nil
        }
        return (kind, content)
    }

    private mutating func length() -> Int? {
        guard let bytes = self.take(4) else { return nil }
        return Int(bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= self.rest.count else { return nil }
        let taken = self.rest.prefix(count)
        self.rest = self.rest.dropFirst(count)
        return taken
    }
}
