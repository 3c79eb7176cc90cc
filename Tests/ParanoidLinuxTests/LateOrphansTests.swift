import Testing

@testable import ParanoidLinux

@Suite("A child that has ended")
struct LateOrphansTests {
    private static let second: Int64 = 1_000_000_000

    @Test("is due when nobody has waited for it in five seconds, each by its own time")
    func patience() {
        var patience = OrphanPatience()
        #expect(patience.due([7], at: 0) == [])
        #expect(patience.due([7, 8], at: 3 * Self.second) == [])
        #expect(patience.due([7, 8], at: 5 * Self.second) == [7])
        #expect(patience.due([8], at: 7 * Self.second) == [])
        #expect(patience.due([8], at: 8 * Self.second) == [8])
    }

    @Test("that somebody has waited for counts anew when its number comes back")
    func reused() {
        var patience = OrphanPatience()
        _ = patience.due([7], at: 0)
        _ = patience.due([], at: Self.second)
        #expect(patience.due([7], at: 6 * Self.second) == [])
        #expect(patience.due([7], at: 11 * Self.second) == [7])
    }
}
