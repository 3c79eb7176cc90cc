import Testing
import TraceReplay

@Suite("The guard in profile compatible")
struct GuardTraceTests {
    @Test("does what the recorded traces of the Django package say", arguments: [("scenarios", 458), ("random-a", 2508)])
    func replays(_ name: String, _ comparable: Int) async throws {
        let document = try TraceDocument.load(name)
        var total = TracePlayer.Report()
        for trace in document.traces {
            let subject = GuardTraceSubject(settings: document.defaults.merging(trace.settings), dataKey: trace.dataKey ?? "marks")
            total.add(try await TracePlayer.play(trace, on: subject))
        }
        print(
            "\(name): \(document.traces.count) traces; \(total.met) expectations met, \(total.metInSpite) met in spite of a repair,",
            "\(total.metAsRepaired) met as repaired; deviations by repair: \(total.deviations.sorted { $0.key < $1.key })"
        )
        #expect(total.failures == [])
        #expect(total.met == comparable)
    }
}
