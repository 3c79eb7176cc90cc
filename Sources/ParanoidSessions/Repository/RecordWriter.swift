/// Writes the parts of a session record: big-endian integers and byte strings with their lengths before them.
struct RecordWriter {
    private(set) var output: [UInt8] = []

    mutating func byte(_ value: UInt8) {
        self.output.append(value)
    }

    mutating func integer(_ value: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            self.output.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func integer(_ value: Int64) {
        self.integer(UInt64(bitPattern: value))
    }

    mutating func optionalTimestamp(_ value: Timestamp?) {
        self.byte(value == nil ? 0 : 1)
        self.integer(value?.nanosecondsSinceEpoch ?? 0)
    }

    mutating func bytes(_ value: [UInt8]) {
        self.length(value.count)
        self.output.append(contentsOf: value)
    }

    mutating func raw(_ value: [UInt8]) {
        self.output.append(contentsOf: value)
    }

    /// Writes a section: its kind, its length and what `body` writes.
    mutating func section(_ kind: UInt8, _ body: (inout RecordWriter) -> Void) {
        self.byte(kind)
        let start = self.output.count
        self.length(0)
        body(&self)
        let length = UInt32(self.output.count - start - 4)
        for index in 0..<4 {
            self.output[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index))
        }
    }

    private mutating func length(_ count: Int) {
        let length = UInt32(count)
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            self.output.append(UInt8(truncatingIfNeeded: length >> shift))
        }
    }
}
