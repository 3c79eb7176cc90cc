// The parts of which the binary forms of records are made: big-endian integers, and byte strings with their lengths before them.

/// Writes parts.
struct RecordWriter {
    private(set) var output: [UInt8] = []

    /// Makes room.
    init(capacity: Int = 0) {
        self.output.reserveCapacity(capacity)
    }

    mutating func byte(_ value: UInt8) {
        self.output.append(value)
    }

    mutating func integer(_ value: UInt64) {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe self.output.append(contentsOf: $0) }
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

    mutating func bytes<let count: Int>(_ value: SecretBytes<count>) {
        self.length(count)
        self.raw(value)
    }

    mutating func text(_ value: String) {
        var value = value
        value.withUTF8 { text in
            self.length(text.count)
            unsafe self.output.append(contentsOf: text)
        }
    }

    mutating func raw(_ value: [UInt8]) {
        self.output.append(contentsOf: value)
    }

    mutating func raw<let count: Int>(_ value: SecretBytes<count>) {
        unsafe value.withUnsafeBytes { unsafe self.output.append(contentsOf: $0) }
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
        unsafe withUnsafeBytes(of: UInt32(count).bigEndian) { unsafe self.output.append(contentsOf: $0) }
    }
}

/// Reads what ``RecordWriter`` writes.
///
/// Total: every answer is a value or `nil`, whatever the bytes are.
struct RecordReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        self.rest = bytes[...]
    }

    init(_ bytes: ArraySlice<UInt8>) {
        self.rest = bytes
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

// MARK: Parts of several records

extension RecordWriter {
    mutating func device(_ device: SessionDevice?) {
        guard let device else { return }
        self.text(device.label)
        if let address = device.address { self.text(address) }
    }
}

extension RecordReader {
    mutating func device() -> SessionDevice? {
        guard let label = self.bytes() else { return nil }
        return SessionDevice(
            label: String(decoding: label, as: UTF8.self),
            address: self.bytes().map { String(decoding: $0, as: UTF8.self) }
        )
    }
}
