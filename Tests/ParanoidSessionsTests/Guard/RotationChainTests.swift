import Testing

@testable import ParanoidSessions

@Suite("A rotation chain")
struct RotationChainTests {
    private static let bounds = RotationChain.Bounds(delay: .seconds(6), timeout: .seconds(1))

    private static func time(_ seconds: Int) -> Timestamp { Timestamp(secondsSinceEpoch: Int64(seconds)) }

    private static func value(_ generation: UInt32, _ number: UInt64) -> RotationChain.Value {
        RotationChain.Value(generation: generation, number: number)
    }

    /// A chain in which value (1, 10) was shown at second 100, and (0, 1) before.
    private static func moved() -> RotationChain {
        var chain = RotationChain(at: self.time(0))
        _ = chain.show(self.value(0, 1), at: self.time(1), self.bounds)
        _ = chain.show(self.value(0, 1), at: self.time(99), self.bounds)
        _ = chain.complete(.init(self.value(0, 1), arrivedAt: self.time(99), isLate: false), at: self.time(99), self.bounds)
        _ = chain.show(self.value(1, 10), at: self.time(100), self.bounds)
        return chain
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var when: String
        var shows: [(value: (UInt32, UInt64), at: Int, then: RotationChain.Verdict)]
        var testDescription: String { self.when }
    }

    @Test(
        "tells what one jar can show from what two must have shown",
        arguments: [
            Row(when: "the jar's value, again and again", shows: [((1, 10), 101, .current), ((1, 10), 9000, .current)]),
            Row(when: "the older generation within D", shows: [((0, 1), 106, .late)]),
            Row(when: "the older generation after D", shows: [((0, 1), 107, .reuse)]),
            Row(when: "another value of the older generation, which had settled, within D", shows: [((0, 2), 106, .reuse)]),
            Row(when: "another value after the jar has settled", shows: [((1, 10), 112, .current), ((1, 11), 113, .reuse)]),
            Row(
                when: "another value of a settled generation after the next was shown",
                shows: [((1, 10), 112, .current), ((2, 20), 113, .current), ((1, 11), 114, .reuse)]
            ),
            Row(
                when: "the settled value after the next was shown, within D",
                shows: [((1, 10), 112, .current), ((2, 20), 113, .current), ((1, 10), 119, .late), ((1, 10), 120, .reuse)]
            ),
            Row(
                when: "another value that arrived before the jar had settled, and is judged afterwards",
                shows: [((1, 10), 112, .current), ((1, 11), 110, .late)]
            ),
            Row(when: "an unknown older generation", shows: [((0, 1), 101, .late), ((2, 30), 120, .current), ((0, 1), 121, .reuse)]),
            Row(when: "two values in the order of their shows", shows: [((1, 11), 103, .current), ((1, 10), 103, .current)]),
            Row(
                when: "the first again long after the second",
                shows: [((1, 11), 107, .current), ((1, 10), 111, .late), ((1, 10), 112, .reuse)]
            ),
            Row(when: "the second goes on", shows: [((1, 11), 107, .current), ((1, 11), 9000, .current)]),
            Row(
                when: "of two shown within D, whichever goes on retires the other",
                shows: [((1, 11), 106, .current), ((1, 10), 106, .current), ((1, 10), 500, .current), ((1, 11), 501, .reuse)]
            ),
            Row(
                when: "a third one retires both",
                shows: [((1, 11), 106, .current), ((1, 12), 120, .current), ((1, 10), 121, .reuse), ((1, 11), 122, .reuse)]
            ),
            Row(when: "a generation further", shows: [((2, 20), 101, .current), ((1, 10), 107, .late), ((1, 10), 108, .reuse)]),
        ]
    )
    func rules(_ row: Row) {
        var chain = Self.moved()
        for (value, at, then) in row.shows {
            do {
                let verdict = chain.show(Self.value(value.0, value.1), at: Self.time(at), Self.bounds)
                #expect(verdict == then, "at \(at)")
            }
        }
    }

    /// A chain that several steps of a test share.
    private final class Shared {
        var chain: RotationChain

        init(_ chain: RotationChain) { self.chain = chain }

        func show(_ generation: UInt32, _ number: UInt64, at second: Int) -> RotationChain.Verdict {
            self.chain.show(value(generation, number), at: time(second), bounds)
        }

        /// Whether a response to a request that showed a value gives the next one.
        func gives(_ generation: UInt32, _ number: UInt64, arrivedAt: Int, at second: Int, isHastened: Bool = false) -> Bool {
            let exchange = RotationChain.Exchange(
                value(generation, number),
                arrivedAt: time(arrivedAt),
                isLate: false,
                isHastened: isHastened
            )
            return self.chain.complete(exchange, at: time(second), bounds)
        }

        /// Whether a request that shows a value is given the next one at once.
        func gives(_ generation: UInt32, _ number: UInt64, at second: Int, isHastened: Bool = false) -> Bool {
            self.show(generation, number, at: second) == .current
                && self.gives(generation, number, arrivedAt: second, at: second, isHastened: isHastened)
        }
    }

    @Test("gives a new value only when no older one can be under way, and only to a request that shows where the jar has settled")
    func giving() {
        let chain = Shared(Self.moved())
        #expect(!chain.gives(1, 10, at: 111))
        #expect(!chain.gives(1, 10, at: 111, isHastened: true))
        // One that arrived before gets nothing, whoever has settled the jar by the time its handler ends.
        let other = Shared(chain.chain)
        _ = other.show(1, 10, at: 112)
        #expect(!other.gives(1, 10, arrivedAt: 111, at: 140))
        #expect(chain.gives(1, 10, at: 112))
        #expect(!chain.gives(0, 1, at: 113))
        #expect(!Shared(chain.chain).gives(1, 99, arrivedAt: 113, at: 113, isHastened: true))
        // What was given at 112 counts from when it is shown; until then this one stays good.
        #expect(chain.show(1, 10, at: 5000) == .current)
        #expect(chain.show(2, 20, at: 5001) == .current)
    }

    @Test("waits until the jar has settled after the last value of this generation went out")
    func spacing() {
        let chain = Shared(Self.moved())
        #expect(chain.gives(1, 10, at: 200))
        #expect(chain.gives(1, 10, at: 205))
        #expect(chain.show(2, 20, at: 206) == .current)
        // 2 D after 206, and more than 2 D after 205, which is noted ahead.
        #expect(!chain.gives(2, 20, at: 217))
        #expect(chain.gives(2, 20, at: 218))
    }

    @Test("serves values that it has no room for, and takes them for no proof")
    func burst() {
        let chain = Shared(Self.moved())
        for number in 11..<60 as Range<UInt64> {
            #expect(chain.show(1, number, at: 101) != .reuse)
        }
        #expect(chain.chain.shown.count == RotationChain.maximumShown)
        #expect(chain.show(1, 59, at: 120) == .current)
        #expect(chain.show(1, 58, at: 121) == .reuse)
    }

    @Test("goes on after a value whose chain cannot be read any more")
    func resuming() {
        let chain = Shared(RotationChain(resumingAt: Self.value(7, 70), at: Self.time(100)))
        #expect(chain.show(6, 60, at: 105) == .late)
        #expect(chain.show(7, 70, at: 105) == .current)
        #expect(chain.gives(7, 70, at: 113))
        #expect(chain.show(8, 80, at: 114) == .current)
        #expect(chain.show(6, 60, at: 115) == .reuse)
    }

    @Test("notes responses that give values in steps of an eighth of the delay: a burst costs few commits")
    func steps() {
        var chain = Self.moved()
        _ = chain.show(Self.value(1, 10), at: Self.time(200), Self.bounds)
        var changes = 0
        for millisecond in 0..<750 {
            let before = chain
            let now = Self.time(200).advanced(by: .milliseconds(millisecond))
            let gives = chain.complete(.init(Self.value(1, 10), arrivedAt: now, isLate: false), at: now, Self.bounds)
            #expect(gives)
            if chain != before { changes += 1 }
        }
        #expect(changes <= 2)
    }

    @Test("what it takes for a request that changes nothing changes nothing and is given nothing")
    func resting() {
        var random = SeededRandom(seed: 12)
        let bounds = RotationChain.Bounds(delay: .seconds(4), timeout: .seconds(9))
        var (rested, moved) = (0, 0)
        for _ in 0..<400 {
            var chain = RotationChain(at: Self.time(100))
            var second = 100
            for _ in 0..<60 {
                second += Int.random(in: 0...5, using: &random)
                let arrived = second - Int.random(in: 0...2, using: &random)
                let generation = chain.generation &+ UInt32.random(in: 0...9, using: &random) / 8
                let exchange = RotationChain.Exchange(
                    Self.value(generation, UInt64.random(in: 0...4, using: &random) / 4),
                    arrivedAt: Self.time(arrived),
                    isLate: Int.random(in: 0..<6, using: &random) == 0,
                    isHastened: Int.random(in: 0..<6, using: &random) == 0
                )
                // Now and then the clock is set back.
                let now = Self.time(Int.random(in: 0..<20, using: &random) == 0 ? second - 30 : second)
                var after = chain
                after.recall(at: now, bounds)
                let gives = after.complete(exchange, at: now, bounds) { Bool.random(using: &random) }
                if chain.rests(at: exchange, completedAt: now, bounds) {
                    rested += 1
                    #expect(after == chain && !gives)
                } else if after != chain || gives {
                    moved += 1
                }
                chain = after
            }
        }
        #expect(rested > 1_000 && moved > 1_000)
    }

    @Test("comes back from a record as it was")
    func coding() throws {
        var chain = Self.moved()
        _ = chain.show(Self.value(1, 11), at: Self.time(107), Self.bounds)
        _ = chain.show(Self.value(1, 11), at: Self.time(150), Self.bounds)
        _ = chain.complete(.init(Self.value(1, 11), arrivedAt: Self.time(150), isLate: false), at: Self.time(150), Self.bounds)
        var writer = RecordWriter()
        writer.chain(chain)
        var reader = RecordReader(writer.output)
        let read = reader.chain()
        #expect(read == chain)
        for count in writer.output.indices {
            var cut = RecordReader(writer.output[..<count])
            let chain = cut.chain()
            #expect(chain == nil)
        }
        #expect(writer.output.count < 300)
    }

    @Test("a nonce carries a value and belongs to one session")
    func nonces() throws {
        var generator = SeededRandom(seed: 4)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let mine = NonceStream(seed: SecretBytes<24>(Array(repeating: 1, count: 24))!, keys: keys)
        let other = NonceStream(seed: SecretBytes<24>(Array(repeating: 2, count: 24))!, keys: keys)
        let value = Self.value(.max - 1, 0x0123_4567_89AB_CDEF)
        let nonce = try #require(Nonce(cookieValue: Array(mine.nonce(of: value).cookieValue.utf8)))
        #expect(nonce.cookieValue.utf8.count == 32)
        #expect(mine.value(of: nonce) == value)
        #expect(other.value(of: nonce) == nil)
        #expect(mine.value(of: mine.nonce(at: 5)) == nil)
        let bytes = Array(nonce.cookieValue.utf8)
        for index in bytes.indices {
            var changed = bytes
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(Nonce(cookieValue: changed).flatMap { mine.value(of: $0) } == nil)
        }
    }

    // MARK: All interleavings

    /// One jar: what a single client can do, however the network delays what it sends and is sent.
    private struct Jar {
        var value: RotationChain.Value
        /// Requests under way, with the times at which they were sent.
        var requests: [(value: RotationChain.Value, sentAt: Int)] = []
        /// Values under way to the jar, with the times at which they were given.
        var responses: [(value: RotationChain.Value, givenAt: Int)] = []
    }

    /// Plays every order of sending, arriving, giving and taking up to a depth, in steps of 3 seconds with a delay of at most 6.
    private func explore(_ chain: RotationChain, _ jar: Jar, at now: Int, next: UInt64, depth: Int, visited: inout Int) -> Bool {
        visited += 1
        // A request or response under way for longer than the bound does not exist.
        if jar.requests.contains(where: { now - $0.sentAt > 6 }) || jar.responses.contains(where: { now - $0.givenAt > 6 }) { return true }
        if depth == 0 { return true }
        var waiting = jar
        if jar.requests.count < 2 {
            waiting.requests.append((jar.value, now))
            if !self.explore(chain, waiting, at: now, next: next, depth: depth - 1, visited: &visited) { return false }
        }
        if !self.explore(chain, jar, at: now + 3, next: next, depth: depth - 1, visited: &visited) { return false }
        for index in jar.requests.indices {
            var after = chain
            var served = jar
            let value = served.requests.remove(at: index).value
            switch after.show(value, at: Self.time(now), Self.bounds) {
            case .reuse: return false
            case .late: break
            case .current:
                if after.complete(.init(value, arrivedAt: Self.time(now), isLate: false), at: Self.time(now), Self.bounds) {
                    served.responses.append((Self.value(after.generation + 1, next), now))
                }
            }
            if !self.explore(after, served, at: now, next: next + 1, depth: depth - 1, visited: &visited) { return false }
        }
        for index in jar.responses.indices {
            // Taken, or lost.
            var taken = jar
            taken.value = taken.responses.remove(at: index).value
            if !self.explore(chain, taken, at: now, next: next, depth: depth - 1, visited: &visited) { return false }
            var lost = jar
            lost.responses.remove(at: index)
            if !self.explore(chain, lost, at: now, next: next, depth: depth - 1, visited: &visited) { return false }
        }
        return true
    }

    @Test("never takes one jar for two, in any order of what can happen to it, to a depth of 9 events")
    func exhaustive() {
        // A chain that may rotate at once and whose jar holds a value shown long ago.
        var chain = RotationChain(at: Self.time(0))
        _ = chain.show(Self.value(0, 1), at: Self.time(0), Self.bounds)
        var visited = 0
        #expect(self.explore(chain, Jar(value: Self.value(0, 1)), at: 100, next: 2, depth: 9, visited: &visited))
        #expect(visited > 10_000)
    }
}
