/// Places for values, of which memory is taken for those that were ever used only.
///
/// A value never moves, so nothing of it stays behind where it was before; a place that became empty keeps its memory.
struct SparsePlaces<Value: Sendable>: Sendable {
    /// Values that memory is taken for together.
    private static var chunkSize: Int { 8 }

    /// The number of each place's value, from 1 on; 0: never used.
    private var numbers: [UInt32]
    private var chunks: [[Value?]] = []
    private var used = 0

    /// Creates empty places.
    init(count: Int) {
        self.numbers = [UInt32](repeating: 0, count: count)
    }

    /// How many values there is memory for.
    var allocatedCount: Int { self.chunks.count * Self.chunkSize }

    /// Looks at a place, and changes or empties it.
    mutating func withValue<Result>(at place: Int, _ body: (inout Value?) -> Result) -> Result {
        let number = Int(self.numbers[place])
        if number > 0 { return body(&self.chunks[(number - 1) / Self.chunkSize][(number - 1) % Self.chunkSize]) }
        var value: Value?
        let result = body(&value)
        if value != nil {
            if self.used == self.allocatedCount { self.chunks.append([Value?](repeating: nil, count: Self.chunkSize)) }
            self.chunks[self.used / Self.chunkSize][self.used % Self.chunkSize] = value
            self.used += 1
            self.numbers[place] = UInt32(self.used)
        }
        return result
    }
}
