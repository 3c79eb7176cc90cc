import Testing

@testable import ParanoidSessions

@Suite("A hundred thousand identifiers")
struct IdentifierStatisticsTests {
    private static let count = 100_000

    @Test("repeat nothing, and every place of their texts is as even as chance makes it")
    func identifiers() {
        var generator = SystemRandomNumberGenerator()
        var texts = Set<[UInt8]>()
        var uses = [Int](repeating: 0, count: 44 * 256)
        for _ in 0..<Self.count {
            let text = Array(SessionIdentifier(secretNumber: 1, using: &generator).cookieValue.utf8)
            for place in 0..<44 { uses[place * 256 + Int(text[place])] += 1 }
            texts.insert(text)
        }
        #expect(texts.count == Self.count)
        // The first byte is the number of the server secret: one letter, and two bits of the next.
        for place in 2..<44 { self.expectEven(uses[place * 256..<(place + 1) * 256].filter { $0 > 0 }, letters: 64, "place \(place)") }
        #expect(uses[0..<256].filter { $0 > 0 }.count == 1 && uses[256..<512].filter { $0 > 0 }.count == 16)
    }

    @Test("are followed by second keys of which the same can be said")
    func secondKeys() {
        var generator = SystemRandomNumberGenerator()
        var texts = Set<String>()
        for _ in 0..<10_000 { texts.insert(SecureKey(using: &generator).cookieValue) }
        #expect(texts.count == 10_000)
    }

    /// Pearson's test: with 63 degrees of freedom the sum is 63 on average and beyond 170 once in 10^11 times.
    private func expectEven(_ uses: [Int], letters: Int, _ what: String) {
        let expected = Double(Self.count) / Double(letters)
        let sum = uses.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        #expect(uses.count == letters && sum < 170, "\(what): \(uses.count) letters, \(sum)")
    }
}
