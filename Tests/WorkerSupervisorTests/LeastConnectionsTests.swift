import TestSupport
import Testing

@testable import WorkerSupervisor

@Suite("Choice of a sibling")
struct SiblingChoiceTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var when: String
        var own = 1
        var open: Int
        /// Connections by slot.
        var others: [Int: Int]
        var slot: Int?
        var testDescription: String { self.when }
    }

    @Test(
        "gives the connection to",
        arguments: [
            Row(when: "nobody, when there are no siblings", open: 100, others: [:]),
            Row(when: "nobody, when all are idle", open: 0, others: [0: 0, 2: 0]),
            Row(when: "nobody, for one connection more", open: 1, others: [0: 0, 2: 0]),
            Row(when: "an idle sibling, for two more", open: 2, others: [0: 0], slot: 0),
            Row(when: "the next one of equal siblings", open: 9, others: [0: 3, 2: 3, 3: 3], slot: 2),
            Row(when: "the first slot after the last", own: 3, open: 9, others: [0: 3, 1: 3, 2: 3], slot: 0),
            Row(when: "the one with the fewest", open: 9, others: [0: 2, 2: 3, 3: 1], slot: 3),
            Row(when: "nobody, as an eighth more is not clearly more", open: 36, others: [0: 32]),
            Row(when: "the sibling, as more than an eighth is", open: 37, others: [0: 32], slot: 0),
            Row(when: "nobody, when others have more", open: 5, others: [0: 9, 2: 6]),
        ]
    )
    func choice(_ row: Row) {
        let candidates = row.others.map { LeastConnections.Candidate(slot: $0.key, connections: $0.value) }
        #expect(LeastConnections.slot(own: row.own, open: row.open, candidates: candidates) == row.slot)
    }

    @Test("spreads any number of lasting connections evenly, whoever accepts them", arguments: [1, 2, 3, 8], [10, 90, 1_000])
    func evenness(workers: Int, connections: Int) {
        var random = SeededRandom(seed: UInt64(workers * connections))
        var open = Array(repeating: 0, count: workers)
        for _ in 0..<connections {
            // The system wakes whom it likes, mostly the same.
            let own = Int.random(in: 0..<4, using: &random) > 0 ? 0 : Int.random(in: 0..<workers, using: &random)
            let candidates = open.indices.filter { $0 != own }.map { LeastConnections.Candidate(slot: $0, connections: open[$0]) }
            open[LeastConnections.slot(own: own, open: open[own], candidates: candidates) ?? own] += 1
        }
        let fewest = open.min() ?? 0
        #expect((open.max() ?? 0) - fewest <= max(2, fewest / 8 + 1), "\(open)")
    }

    @Test("workers' allowances differ, by a quarter at most")
    func allowances() {
        let allowances = (0..<16).map { RequestQuota.requests(maximum: 10_000, slot: $0) }
        #expect(allowances[0] == 10_000)
        #expect(Set(allowances).count == 16)
        #expect(allowances.allSatisfy { (7_500...10_000).contains($0) })
        let sorted = allowances.sorted()
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 > 50 }, "\(sorted)")
        #expect(RequestQuota.requests(maximum: 1, slot: 5) == 1)
    }
}
