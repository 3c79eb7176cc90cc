import Testing

@testable import ParanoidSessions

@Suite("Lines of the log that any client can cause")
struct LineLimitTests {
    @Test("come once a minute, and say how many were left out")
    func limit() {
        var limit = LineLimit()
        let start = Timestamp(secondsSinceEpoch: 6_000_000)
        #expect(limit.admit(at: start) == 0)
        for second in 1..<60 { #expect(limit.admit(at: start.advanced(by: .seconds(second))) == nil) }
        #expect(limit.admit(at: start.advanced(by: .seconds(60))) == 59)
        #expect(limit.admit(at: start.advanced(by: .seconds(120))) == 0)
        // A clock that was set back is no reason to say nothing.
        #expect(limit.admit(at: start) == 0)
    }
}
