// The binary form of a stored session, the same in every store that keeps bytes. Imports nothing but the types it codes.

extension StoredSession {
    /// The number of bytes of an encoded head.
    public static let headByteCount = 64
    /// The version of the form that this code writes.
    public static let formatVersion: UInt8 = 1

    private static let magic: [UInt8] = [0x50, 0x53, 0x53]  // "PSS"

    /// Appends the head: magic and version, state, protection, secret number, generation, times, user tag, length; big-endian, 64 bytes.
    public func encodeHead(into bytes: inout [UInt8]) {
        self.encodeHead(into: &bytes, payloadByteCount: self.payload.count)
    }

    /// What the seal of the payload authenticates beside it: the head and the name, so that neither can be changed nor exchanged.
    func sealContext(named name: SessionName, payloadByteCount: Int) -> [UInt8] {
        var context: [UInt8] = []
        context.reserveCapacity(Self.headByteCount + SessionName.byteCount)
        self.encodeHead(into: &context, payloadByteCount: payloadByteCount)
        context.append(contentsOf: name.bytes)
        return context
    }

    private func encodeHead(into bytes: inout [UInt8], payloadByteCount: Int) {
        bytes.append(contentsOf: Self.magic)
        bytes.append(Self.formatVersion)
        bytes.append(self.state.rawValue)
        bytes.append(self.protection.rawValue)
        bytes.append(self.secretNumber)
        bytes.append(self.userTag.isEmpty ? 0 : 1)
        Self.append(self.generation, to: &bytes)
        Self.append(UInt64(bitPattern: self.createdAt.nanosecondsSinceEpoch), to: &bytes)
        Self.append(UInt64(bitPattern: self.writtenAt.nanosecondsSinceEpoch), to: &bytes)
        Self.append(UInt64(bitPattern: self.expiresAt.nanosecondsSinceEpoch), to: &bytes)
        precondition(self.userTag.isEmpty || self.userTag.count == 16, "a user tag has 16 bytes")
        bytes.append(contentsOf: self.userTag.isEmpty ? [UInt8](repeating: 0, count: 16) : self.userTag)
        Self.append(UInt64(payloadByteCount), to: &bytes)
    }

    /// Parses an encoded head and says how many bytes of payload follow; `nil` for anything that ``encodeHead(into:)`` does not write.
    public static func decodeHead(_ bytes: UnsafeRawBufferPointer) -> (head: StoredSession, payloadByteCount: Int)? {
        guard bytes.count >= Self.headByteCount else { return nil }
        for (index, byte) in Self.magic.enumerated() {
            guard unsafe bytes[index] == byte else { return nil }
        }
        guard unsafe bytes[3] == Self.formatVersion,
            let state = unsafe State(rawValue: bytes[4]),
            let protection = unsafe Protection(rawValue: bytes[5]),
            unsafe bytes[7] <= 1
        else { return nil }
        let payloadByteCount = unsafe Self.word(bytes, at: 56)
        guard payloadByteCount <= UInt64(Int32.max) else { return nil }
        let tag = unsafe bytes[7] == 1 ? [UInt8](bytes[40..<56]) : []
        let head = unsafe StoredSession(
            state: state,
            protection: protection,
            secretNumber: bytes[6],
            generation: Self.word(bytes, at: 8),
            createdAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: Self.word(bytes, at: 16))),
            writtenAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: Self.word(bytes, at: 24))),
            expiresAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: Self.word(bytes, at: 32))),
            userTag: tag,
            payload: []
        )
        return (head, Int(payloadByteCount))
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
