import Testing
import TraceReplay

@Suite("The session middleware in profile compatible")
struct MiddlewareTraceTests {
    /// Traces in which a layer around the session layer answers before the check, which nested middleware cannot do.
    private static func isPlayable(_ trace: Trace) -> Bool {
        trace.events.allSatisfy { $0.bypass == nil }
    }

    @Test(
        "does what the recorded traces of the Django package say, requests overlapping as they did there",
        arguments: ["scenarios", "random-a"]
    )
    func replays(_ name: String) async throws {
        let document = try TraceDocument.load(name)
        let traces = document.traces.filter(Self.isPlayable)
        var total = TracePlayer.Report()
        for trace in traces {
            let settings = document.defaults.merging(trace.settings)
            let subject = try MiddlewareTraceSubject(settings: settings, dataKey: trace.dataKey ?? "marks")
            total.add(try await TracePlayer.play(trace, on: subject))
        }
        print(
            "\(name) through the middleware: \(traces.count) of \(document.traces.count) traces; \(total.met) expectations met,",
            "\(total.metInSpite) met in spite of a repair, \(total.metAsRepaired) met as repaired;",
            "deviations by repair: \(total.deviations.sorted { $0.key < $1.key })"
        )
        #expect(total.failures == [])
        #expect(total.met > 400)
    }
}
