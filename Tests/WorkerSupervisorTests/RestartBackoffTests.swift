import Testing

@testable import WorkerSupervisor

@Suite("Restart back-off")
struct RestartBackoffTests {
    static let backoff = RestartBackoff(initialDelay: .milliseconds(100), maximumDelay: .seconds(5), minimumUptime: .seconds(2))

    struct Death: Sendable {
        var age: Duration
        var wasReady = true
    }

    /// A history of deaths in one slot and the pause before the next spawn.
    struct Row: Sendable, CustomTestStringConvertible {
        var when: String
        var history: [Death]
        var then: Duration
        var testDescription: String { self.when }
    }

    @Test(
        "pauses",
        arguments: [
            Row(when: "nobody died", history: [], then: .zero),
            Row(when: "the worker lived", history: [Death(age: .seconds(2))], then: .zero),
            Row(when: "it died young", history: [Death(age: .milliseconds(1_999))], then: .milliseconds(100)),
            Row(when: "it lived long but never served", history: [Death(age: .seconds(60), wasReady: false)], then: .milliseconds(100)),
            Row(when: "two in a row died young", history: Array(repeating: Death(age: .zero), count: 2), then: .milliseconds(200)),
            Row(when: "six in a row died young", history: Array(repeating: Death(age: .zero), count: 6), then: .milliseconds(3_200)),
            Row(when: "seven in a row reach the cap", history: Array(repeating: Death(age: .zero), count: 7), then: .seconds(5)),
            Row(
                when: "a night of crashes stays at the cap",
                history: Array(repeating: Death(age: .zero), count: 10_000),
                then: .seconds(5)
            ),
            Row(
                when: "one that lived makes up for all before",
                history: Array(repeating: Death(age: .zero), count: 9) + [Death(age: .seconds(3))],
                then: .zero
            ),
            Row(
                when: "counting begins anew after one that lived",
                history: Array(repeating: Death(age: .zero), count: 9) + [Death(age: .seconds(3)), Death(age: .zero)],
                then: .milliseconds(100)
            ),
        ]
    )
    func pauses(_ row: Row) {
        let count = row.history.reduce(0) { Self.backoff.earlyExits(after: $0, age: $1.age, wasReady: $1.wasReady) }
        #expect(Self.backoff.delay(afterEarlyExits: count) == row.then)
    }

    @Test("never shrinks as deaths follow one another")
    func monotonic() {
        let delays = (0...100).map { Self.backoff.delay(afterEarlyExits: $0) }
        #expect(delays == delays.sorted())
        #expect(delays.max() == Self.backoff.maximumDelay)
    }
}
