// Where things lie in a session file (pure).

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
