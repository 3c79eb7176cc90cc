/// Names one connection for its whole life: its descriptor's number, and how many connections had that number before.
///
/// An event may be delivered after its connection is gone and the number has the next one; the generation tells them apart.
struct ConnectionToken: Sendable, Hashable {
    /// The descriptor's number.
    let number: UInt32
    /// The use of the number.
    let generation: UInt32

    /// Both in one word, the tag of an event.
    var tag: UInt64 { UInt64(self.generation) << 32 | UInt64(self.number) }

    /// Creates a token from its parts.
    init(number: UInt32, generation: UInt32) {
        self.number = number
        self.generation = generation
    }

    /// Reads a token back from an event's tag.
    init(tag: UInt64) {
        self.number = UInt32(truncatingIfNeeded: tag)
        self.generation = UInt32(tag >> 32)
    }
}
