import Testing

@testable import ParanoidSessions

private let bounds = RotationChain.Bounds(delay: .seconds(6), timeout: .seconds(1))
private let first = RotationChain.Value(generation: 0, number: 1)
private let second = RotationChain.Value(generation: 1, number: 2)

private func time(_ seconds: Int) -> Timestamp { Timestamp(secondsSinceEpoch: Int64(1_000_000 + seconds)) }

extension RotationChain {
    /// A request that arrives, is served and answered at once.
    fileprivate mutating func ask(_ value: Value, at second: Int, isOccasion: Bool = true) -> (verdict: Verdict, gives: Bool) {
        var judged = self
        let verdict = judged.show(value, at: time(second), bounds)
        if verdict == .reuse { return (verdict, false) }
        let exchange = Exchange(value, arrivedAt: time(second), isLate: verdict == .late)
        return (verdict, self.complete(exchange, at: time(second), bounds, isOccasion: { isOccasion }))
    }
}

@Suite("Values that a chain gives in vain")
struct RotationRoundsTests {
    private static func begun() -> RotationChain {
        var chain = RotationChain(at: time(0))
        _ = chain.ask(first, at: 1)
        return chain
    }

    @Test("count by rounds, each more than 2 D after the one before, once what came of them had time to arrive")
    func rounds() {
        var chain = Self.begun()
        for second in stride(from: 20, to: 32, by: 1) {
            let given = chain.ask(first, at: second)
            #expect(given.gives)
        }
        #expect(chain.roundsInVain(at: time(32), bounds) == 0)
        #expect(chain.roundsInVain(at: time(33), bounds) == 1)
        for round in 1...5 {
            let given = chain.ask(first, at: 20 + 13 * round)
            #expect(given.gives)
        }
        #expect(chain.roundsInVain(at: time(20 + 13 * 5), bounds) == 5)
        #expect(chain.roundsInVain(at: time(20 + 13 * 6), bounds) == 6)
    }

    @Test("are forgotten as soon as one of them is shown")
    func shown() {
        var chain = Self.begun()
        for round in 1...6 { _ = chain.ask(first, at: 13 * round) }
        #expect(chain.roundsInVain(at: time(90), bounds) >= 5)
        let given = chain.ask(second, at: 91)
        #expect(chain.roundsInVain(at: time(103), bounds) == 0)
        // It was in the jar for long and is replaced at once: that is the first round of the next.
        #expect(given.gives)
        #expect(chain.roundsInVain(at: time(104), bounds) == 1)
    }

    @Test("are many, also where the client says that no request is a good occasion: that holds values back for 2 D only")
    func occasions() {
        var chain = Self.begun()
        var given = 0
        for second in 20..<200 {
            let answer = chain.ask(first, at: second, isOccasion: false)
            if answer.gives { given += 1 }
            #expect(second > 32 || !answer.gives)
        }
        #expect(given > 100)
        #expect(chain.roundsInVain(at: time(200), bounds) >= 5)
    }

    @Test("come back from a record, and a record from before they were counted opens")
    func coding() throws {
        var chain = Self.begun()
        for second in [20, 33, 46] { _ = chain.ask(first, at: second, isOccasion: second != 20) }
        chain.forgottenAt = time(-50)
        var writer = RecordWriter()
        writer.chain(chain)
        var reader = RecordReader(writer.output)
        let same = reader.chain()
        #expect(same == chain)

        // Version 2 ended behind the generations that were left.
        let added = 9 + 1 + 9 + 9
        var old = RecordReader([2] + writer.output[1..<writer.output.count - added])
        let parsed = old.chain()
        let read = try #require(parsed)
        #expect(read.settled == chain.settled && read.generation == chain.generation && read.rounds == RotationChain.Rounds())
        #expect(read.forgottenAt == nil)
    }
}

@Suite("A value whose generation is forgotten")
struct ForgottenGenerationTests {
    @Test("is proof also just after the owner's move: who waits for it with an old value is found", arguments: [0, 1, 5])
    func ancient(after seconds: Int) {
        var chain = RotationChain(at: time(0))
        _ = chain.ask(first, at: 1)
        var value = first
        var now = 100
        // Long pauses, so that generations that were left are forgotten.
        for generation in 1...4 as ClosedRange<UInt32> {
            let given = chain.ask(value, at: now)
            #expect(given.gives)
            value = RotationChain.Value(generation: generation, number: UInt64(generation) * 10)
            _ = chain.ask(value, at: now + 200)
            now += 400
        }
        let moved = now - 200
        #expect(chain.left.count == 1)
        let thief = chain.ask(first, at: moved + seconds)
        #expect(thief.verdict == .reuse)
        let late = chain.ask(RotationChain.Value(generation: 3, number: 30), at: moved + seconds)
        #expect(late.verdict == .late)
    }

    @Test("was held back on its way, if it arrived in time")
    func held() {
        var chain = RotationChain(at: time(0))
        let short = RotationChain.Bounds(delay: .seconds(1), timeout: .zero)
        var value = first
        _ = chain.show(value, at: time(1), short)
        // More moves in two minutes than are remembered.
        for step in 1...20 {
            let now = time(4 * step)
            _ = chain.show(value, at: now, short)
            _ = chain.complete(.init(value, arrivedAt: now, isLate: false), at: now, short)
            value = RotationChain.Value(generation: UInt32(step), number: UInt64(step) * 10)
            _ = chain.show(value, at: now.advanced(by: .milliseconds(100)), short)
        }
        #expect(chain.left.count == RotationChain.maximumLeft)
        let old = RotationChain.Value(generation: 3, number: 30)
        let inTime = chain.show(old, at: time(16), short)
        #expect(inTime == .late)
        let now = chain.show(old, at: time(90), short)
        #expect(now == .reuse)
    }
}

@Suite("A chain whose clock was wrong")
struct RotationClockTests {
    private static let year = 31_536_000

    @Test("goes on when the clock is put forward by years", arguments: [1, 6, 7, 13, 40])
    func forward(seconds: Int) {
        var chain = RotationChain(at: time(0))
        _ = chain.ask(first, at: 1)
        _ = chain.ask(first, at: 13)
        _ = chain.ask(first, at: 14)
        _ = chain.ask(second, at: 14 + seconds)
        for later in [0, 1, 20] {
            let verdict = chain.ask(second, at: 20 * Self.year + later).verdict
            #expect(verdict == .current)
        }
        let given = chain.ask(second, at: 20 * Self.year + 21)
        #expect(given.gives)
    }

    @Test("takes times in the future for now: values are given again after 2 D, and a theft is proven")
    func backward() {
        var chain = RotationChain(at: time(20 * Self.year))
        _ = chain.show(first, at: time(20 * Self.year + 1), bounds)
        chain.recall(at: time(0), bounds)
        let soon = chain.ask(first, at: 1)
        #expect(soon.verdict == .current && !soon.gives)
        let given = chain.ask(first, at: 20)
        #expect(given.gives)
        let moved = chain.ask(second, at: 21)
        #expect(moved.verdict == .current)
        let late = chain.ask(first, at: 23)
        #expect(late.verdict == .late)
        let thief = chain.ask(first, at: 40)
        #expect(thief.verdict == .reuse)
    }

    @Test("is left alone where no time lies in the future but those that are noted ahead")
    func noted() {
        var chain = RotationChain(at: time(0))
        _ = chain.ask(first, at: 1)
        _ = chain.ask(first, at: 20)
        var same = chain
        same.recall(at: time(20), bounds)
        #expect(same == chain)
    }
}
