/// Randomness for one request: fetched 64 bytes at a time and thrown away with the request, so no two requests or processes share any.
public struct SessionRandom: RandomNumberGenerator {
    /// Fills eight words with fresh randomness from the system.
    public typealias Source = @Sendable (inout InlineArray<8, UInt64>) -> Void

    private let source: Source
    private var words = InlineArray<8, UInt64>(repeating: 0)
    private var left = 0

    /// Creates a generator over a source.
    public init(source: @escaping Source) {
        self.source = source
    }

    /// The next word; never given out again.
    public mutating func next() -> UInt64 {
        if self.left == 0 {
            self.source(&self.words)
            self.left = self.words.count
        }
        self.left -= 1
        let word = self.words[self.left]
        self.words[self.left] = 0
        return word
    }

    /// The system's generator.
    public static let system: Source = { words in
        for index in words.indices { words[index] = .random(in: .min ... .max) }
    }
}
