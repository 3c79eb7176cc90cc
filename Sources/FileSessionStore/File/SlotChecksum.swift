// The checksum of a slot (pure).

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
