// The parts of which the binary forms of records are made: big-endian integers, and byte strings with their lengths before them.

/// Writes parts.
///
/// Records hold secrets, so what is written is overwritten when the writer goes.
@safe
struct RecordWriter: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private var used = 0

    /// Makes room.
    init(capacity: Int = 128) {
        self.capacity = max(16, capacity)
        unsafe self.memory = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { unsafe Self.give(self.memory, self.used) }

    /// Lends what was written.
    borrowing func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        unsafe body(UnsafeRawBufferPointer(start: self.memory, count: self.used))
    }

    /// A copy of what was written.
    var output: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: self.memory, count: self.used)) }

    @inline(never)
    private static func give(_ memory: UnsafeMutableRawPointer, _ count: Int) {
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        unsafe memory.deallocate()
    }

    @inline(never)
    private mutating func grow(to needed: Int) {
        let larger = max(needed, 2 * self.capacity)
        let new = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe new.copyMemory(from: self.memory, byteCount: self.used)
        unsafe Self.give(self.memory, self.used)
        unsafe self.memory = new
        self.capacity = larger
    }

    /// Takes room for so many bytes, and says where it is.
    @inline(__always)
    private mutating func room(_ byteCount: Int) -> UnsafeMutableRawPointer {
        if self.used + byteCount > self.capacity { self.grow(to: self.used + byteCount) }
        defer { self.used += byteCount }
        return unsafe self.memory + self.used
    }

    mutating func byte(_ value: UInt8) {
        unsafe self.room(1).storeBytes(of: value, as: UInt8.self)
    }

    mutating func integer(_ value: UInt64) {
        unsafe self.room(8).storeBytes(of: value.bigEndian, as: UInt64.self)
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
        self.raw(value)
    }

    mutating func bytes<let count: Int>(_ value: SecretBytes<count>) {
        self.length(count)
        self.raw(value)
    }

    mutating func text(_ value: String) {
        var value = value
        value.withUTF8 { text in
            self.length(text.count)
            unsafe self.copy(UnsafeRawBufferPointer(text))
        }
    }

    mutating func raw(_ value: [UInt8]) {
        unsafe value.withUnsafeBytes { unsafe self.copy($0) }
    }

    mutating func raw<let count: Int>(_ value: SecretBytes<count>) {
        unsafe value.withUnsafeBytes { unsafe self.copy($0) }
    }

    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        unsafe self.room(bytes.count).copyMemory(from: start, byteCount: bytes.count)
    }

    /// Writes a section: its kind, its length and what `body` writes.
    @inline(__always)
    mutating func section(_ kind: UInt8, _ body: (inout RecordWriter) -> Void) {
        self.byte(kind)
        let start = self.used
        self.length(0)
        body(&self)
        unsafe self.memory.storeBytes(of: UInt32(self.used - start - 4).bigEndian, toByteOffset: start, as: UInt32.self)
    }

    private mutating func length(_ count: Int) {
        unsafe self.room(4).storeBytes(of: UInt32(count).bigEndian, as: UInt32.self)
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
