internal import ParanoidLinux

/// Randomness for one request, fetched 64 bytes at a time, as the session middleware does.
struct RequestRandom: RandomNumberGenerator {
    private var words = InlineArray<8, UInt64>(repeating: 0)
    private var left = 0

    mutating func next() -> UInt64 {
        if self.left == 0 {
            unsafe withUnsafeMutableBytes(of: &self.words) { unsafe SystemRandom.fill($0) }
            self.left = self.words.count
        }
        self.left -= 1
        return self.words[self.left]
    }
}
