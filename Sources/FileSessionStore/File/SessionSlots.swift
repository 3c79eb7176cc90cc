// Where things lie in a session file, what two slots say together, and what to write next (pure).
internal import ParanoidSessions

/// The two slots of a pair, as read from a file.
///
/// A slot is the head of a ``StoredSession`` (96 bytes), its payload and a checksum (8 bytes). A slot can also hold a marker, as long as a
/// head, that says that the session was removed. What counts is the valid slot with the highest generation; a change is written to the
/// other one. So whoever dies while writing leaves the state before, and a reader who meets a half-written slot has the newest complete
/// state in the other.
enum SessionSlots {
    /// The bytes of a slot beside the payload.
    static let overhead = StoredSession.headByteCount + 8
    private static let markerMagic: UInt32 = 0x5053_5802  // "PSX", version 2

    /// A slot whose contents were found to be whole.
    struct Position: Sendable, Hashable {
        var layout: SlotLayout
        var index: Int
        var generation: UInt64
        var checksum: UInt64
    }

    /// How far a pair without a whole slot was used.
    enum Use: Sendable, Hashable {
        /// Both slots were written.
        case used
        /// The second slot was never written: the smaller pair may still be in use.
        case begun
        /// Neither slot was ever written.
        case blank
    }

    /// What a pair of slots contains.
    enum Finding: Sendable, Hashable {
        /// The slot known already is still the newest.
        case unchanged
        /// The newest state.
        case session(StoredSession, at: Position)
        /// The session was removed.
        case removed(at: Position)
        /// The newest state has a form that this code does not know: a newer version of it has written it.
        case foreign
        /// No slot is whole.
        case nothing(Use)
    }

    /// Judges a pair.
    ///
    /// - Parameters:
    ///   - pair: All bytes of the pair.
    ///   - layout: Which pair of its file it is.
    ///   - name: The ``SessionName/prefix`` of the session.
    ///   - known: A position found earlier whose contents the caller still has.
    static func judge(_ pair: UnsafeRawBufferPointer, layout: SlotLayout, name: UInt64, known: Position?) -> Finding {
        let claims = unsafe (self.claim(pair, layout, 0), self.claim(pair, layout, 1))
        let foreign = unsafe max(self.foreignClaim(pair, layout, 0, name) ?? 0, self.foreignClaim(pair, layout, 1, name) ?? 0)
        if foreign > max(claims.0 ?? 0, claims.1 ?? 0) { return .foreign }
        let order = (claims.1 ?? 0) > (claims.0 ?? 0) ? (1, 0) : (0, 1)
        let first = unsafe self.examine(pair, layout, order.0, name, known)
        if claims.0 != claims.1, let first { return first }
        let second = unsafe self.examine(pair, layout, order.1, name, known)
        // No writer gives two slots one generation: if both are whole, they do not belong together.
        if first != nil && second != nil { return .nothing(.used) }
        if let found = first ?? second { return found }
        guard unsafe self.isBlank(pair, layout, 1) else { return .nothing(.used) }
        return unsafe .nothing(self.isBlank(pair, layout, 0) ? .blank : .begun)
    }

    private static func isBlank(_ pair: UnsafeRawBufferPointer, _ layout: SlotLayout, _ index: Int) -> Bool {
        let start = index * layout.capacity
        return unsafe pair[start..<start + StoredSession.headByteCount].allSatisfy { $0 == 0 }
    }

    /// The generation that a slot claims; `nil` when it does not even look like one.
    private static func claim(_ pair: UnsafeRawBufferPointer, _ layout: SlotLayout, _ index: Int) -> UInt64? {
        let start = index * layout.capacity
        let magic = unsafe UInt32(bigEndian: pair.loadUnaligned(fromByteOffset: start, as: UInt32.self))
        guard StoredSession.formatVersion(ofMagic: magic).map({ StoredSession.formatVersions ~= $0 }) ?? false || magic == self.markerMagic
        else { return nil }
        return unsafe UInt64(bigEndian: pair.loadUnaligned(fromByteOffset: start + StoredSession.generationOffset, as: UInt64.self))
    }

    /// The generation of a whole slot that a newer version of this code has written.
    ///
    /// Magic, version, generation, length and checksum stay where they are in all versions, so that a damaged slot is no newer one.
    private static func foreignClaim(_ pair: UnsafeRawBufferPointer, _ layout: SlotLayout, _ index: Int, _ name: UInt64) -> UInt64? {
        let slot = unsafe UnsafeRawBufferPointer(rebasing: pair[index * layout.capacity..<(index + 1) * layout.capacity])
        let magic = unsafe UInt32(bigEndian: slot.loadUnaligned(as: UInt32.self))
        guard let version = StoredSession.formatVersion(ofMagic: magic), version > StoredSession.formatVersions.upperBound else {
            return nil
        }
        let payload = unsafe UInt64(bigEndian: slot.loadUnaligned(fromByteOffset: StoredSession.payloadByteCountOffset, as: UInt64.self))
        guard payload <= UInt64(layout.capacity - self.overhead) else { return nil }
        let length = StoredSession.headByteCount + Int(payload)
        let checksum = unsafe UInt64(littleEndian: slot.loadUnaligned(fromByteOffset: length, as: UInt64.self))
        let contents = unsafe UnsafeRawBufferPointer(rebasing: slot[..<length])
        guard unsafe SlotChecksum.of(contents, name: name, layout: layout, slot: index) == checksum else { return nil }
        return unsafe UInt64(bigEndian: slot.loadUnaligned(fromByteOffset: StoredSession.generationOffset, as: UInt64.self))
    }

    private static func examine(
        _ pair: UnsafeRawBufferPointer,
        _ layout: SlotLayout,
        _ index: Int,
        _ name: UInt64,
        _ known: Position?
    ) -> Finding? {
        guard let generation = unsafe self.claim(pair, layout, index), generation > 0 else { return nil }
        let slot = unsafe UnsafeRawBufferPointer(rebasing: pair[index * layout.capacity..<(index + 1) * layout.capacity])
        let isMarker = unsafe UInt32(bigEndian: slot.loadUnaligned(as: UInt32.self)) == self.markerMagic
        var length = StoredSession.headByteCount
        if !isMarker {
            let payload = unsafe UInt64(
                bigEndian: slot.loadUnaligned(fromByteOffset: StoredSession.payloadByteCountOffset, as: UInt64.self)
            )
            guard payload <= UInt64(layout.capacity - self.overhead) else { return nil }
            length += Int(payload)
        }
        let checksum = unsafe UInt64(littleEndian: slot.loadUnaligned(fromByteOffset: length, as: UInt64.self))
        let position = Position(layout: layout, index: index, generation: generation, checksum: checksum)
        if position == known { return .unchanged }
        let contents = unsafe UnsafeRawBufferPointer(rebasing: slot[..<length])
        guard unsafe SlotChecksum.of(contents, name: name, layout: layout, slot: index) == checksum else { return nil }
        if isMarker { return .removed(at: position) }
        guard var (session, _) = unsafe StoredSession.decodeHead(contents) else { return nil }
        session.payload = unsafe [UInt8](contents[StoredSession.headByteCount...])
        return .session(session, at: position)
    }

    /// Where the next state of a session goes.
    ///
    /// - Parameters:
    ///   - byteCount: The bytes of its slot.
    ///   - current: Where the present state is; never the answer.
    ///   - last: The last pair of the file.
    /// - Returns: The pair and slot; `isNew` when that pair is not in use yet and has to be written as a whole. `nil` when it is too large.
    static func target(_ byteCount: Int, current: Position, last: SlotLayout) -> (layout: SlotLayout, index: Int, isNew: Bool)? {
        guard let needed = SlotLayout.holding(byteCount) else { return nil }
        // Never back to a smaller pair: readers look at the last one only.
        let layout = SlotLayout(level: max(needed.level, last.level))
        let isNew = layout != current.layout
        return (layout, isNew ? 0 : 1 - current.index, isNew)
    }

    /// The bytes of a slot that holds `session`.
    static func encode(_ session: StoredSession, name: UInt64, layout: SlotLayout, index: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(session.payload.count + self.overhead)
        session.encodeHead(into: &bytes)
        bytes.append(contentsOf: session.payload)
        self.appendChecksum(to: &bytes, name: name, layout: layout, index: index)
        return bytes
    }

    /// Lends the bytes of a slot that holds `session`, made on the stack where they fit.
    ///
    /// - Returns: The slot's checksum.
    static func withEncoded<Failure: Error>(
        _ session: StoredSession,
        name: UInt64,
        layout: SlotLayout,
        index: Int,
        _ body: (RawSpan) throws(Failure) -> Void
    ) throws(Failure) -> UInt64 {
        let contents = StoredSession.headByteCount + session.payload.count
        guard contents + 8 <= SlotLayout.smallestCapacity else {
            let bytes = self.encode(session, name: name, layout: layout, index: index)
            try unsafe body(bytes.span.bytes)
            return self.checksum(of: bytes)
        }
        var words = InlineArray<256, UInt64>(repeating: 0)
        var checksum: UInt64 = 0
        var span = words.mutableSpan
        unsafe span.withUnsafeMutableBytes { buffer in
            unsafe session.encode(into: buffer)
            let made = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<contents])
            checksum = unsafe SlotChecksum.of(made, name: name, layout: layout, slot: index)
            unsafe buffer.storeBytes(of: checksum.littleEndian, toByteOffset: contents, as: UInt64.self)
        }
        try unsafe body(words.span.bytes.extracting(0..<(contents + 8)))
        return checksum
    }

    /// The bytes of a slot that says that the session was removed.
    static func encodeMarker(generation: UInt64, name: UInt64, layout: SlotLayout, index: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: StoredSession.headByteCount)
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: self.markerMagic >> UInt32(24 - 8 * index)) }
        for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: generation >> UInt64(56 - 8 * index)) }
        self.appendChecksum(to: &bytes, name: name, layout: layout, index: index)
        return bytes
    }

    /// What is written over the head of a slot that must not be found again; not zeros, which mean that it was never used.
    static let eraser = [UInt8](repeating: 0xFF, count: StoredSession.headByteCount)

    /// What is written over the head of the other slot of the first pair before a file grows: whoever looks at that pair only learns that the
    /// newest state may be elsewhere.
    static let growing = [UInt8](repeating: 0xFE, count: StoredSession.headByteCount)

    private static func appendChecksum(to bytes: inout [UInt8], name: UInt64, layout: SlotLayout, index: Int) {
        let checksum = unsafe bytes.withUnsafeBytes { unsafe SlotChecksum.of($0, name: name, layout: layout, slot: index) }
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: checksum >> shift)) }
    }

    /// The checksum at the end of an encoded slot.
    static func checksum(of encoded: [UInt8]) -> UInt64 {
        encoded.suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// A pair of slots of one capacity in a session file.
///
/// A file begins with the pair of level 0: two slots of 2048 bytes, one block together. A record that outgrows them gets the next pair
/// behind it, with slots of twice the capacity, in the same file: its name means the same inode, and so the same lock, all its life.
/// No two slots share a 512-byte sector, so a torn sector hurts one of them only.
struct SlotLayout: Sendable, Hashable {
    /// The capacity of a slot of level 0, in bytes.
    static let smallestCapacity = 2048
    /// The highest level in use: slots of 2 GiB.
    static let highestLevel = 20

    /// 0 for the first pair of a file.
    let level: Int

    /// The bytes of a slot.
    var capacity: Int { Self.smallestCapacity << self.level }
    /// The bytes of the pair.
    var pairByteCount: Int { 2 * self.capacity }
    /// Where the pair begins in the file: behind all smaller pairs.
    var offset: Int { 2 * Self.smallestCapacity * ((1 << self.level) - 1) }
    /// The size of a file whose last pair this is.
    var fileByteCount: Int { self.offset + self.pairByteCount }

    /// The first pair.
    static let first = SlotLayout(level: 0)

    /// The smallest pair that holds a record of `byteCount` bytes; `nil` when none does.
    static func holding(_ byteCount: Int) -> SlotLayout? {
        (0...self.highestLevel).lazy.map { SlotLayout(level: $0) }.first { $0.capacity >= byteCount }
    }

    /// The last pair that lies completely in a file of `size` bytes; `nil` when there is not even one.
    ///
    /// The size of a file is between those of two pairs only if growing it was interrupted.
    static func last(inFileOf size: Int) -> SlotLayout? {
        (0...self.highestLevel).last { SlotLayout(level: $0).fileByteCount <= size }.map { SlotLayout(level: $0) }
    }

    /// Where slot 0 or 1 begins in the file.
    func offset(ofSlot index: Int) -> Int { self.offset + index * self.capacity }
}

/// A 64-bit checksum that finds torn and damaged slots; it is no defence against people, who can compute it.
///
/// Every step is a bijection of the state and of the word taken in, so that a change in one word of eight bytes is always found and any
/// other with a probability of 1 - 2^-64.
enum SlotChecksum {
    /// The checksum of `bytes` at one place: what is whole but lies in another slot, pair or file does not match.
    static func of(_ bytes: UnsafeRawBufferPointer, name: UInt64, layout: SlotLayout, slot: Int) -> UInt64 {
        var state = self.step(name, UInt64(layout.level) << 1 | UInt64(slot))
        state = self.step(state, UInt64(bytes.count))
        var offset = 0
        while offset + 8 <= bytes.count {
            state = unsafe self.step(state, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        if offset < bytes.count {
            var word: UInt64 = 0
            for index in offset..<bytes.count { word = unsafe word << 8 | UInt64(bytes[index]) }
            state = self.step(state, word)
        }
        state ^= state >> 32
        state = state &* 0xD6E8_FEB8_6659_FD93
        return state ^ state >> 29
    }

    private static func step(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let mixed = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ mixed >> 31
    }
}
