import Testing

@testable import ParanoidFastCGI

@Suite("The nearest name")
struct NearestNameTests {
    @Test("is one with few other letters, and none where all are far")
    func nearest() {
        #expect(NearestName.of("sesions", among: ["config", "secret", "sessions"]) == "sessions")
        #expect(NearestName.of("frobnicate", among: ["config", "secret", "sessions"]) == nil)
        #expect(NearestName.of("x", among: []) == nil)
    }

    @Test(
        "is reached by one change of a user's name",
        arguments: ["alic", "alicee", "alise", "laice", "Alice", "ALICE", " alice ", "alice@"]
    )
    func neighbours(_ mistyped: String) {
        #expect(NearestName.neighbours(of: mistyped).contains("alice"))
    }

    @Test("is never the name itself, and nobody tries millions")
    func bounded() {
        let names = NearestName.neighbours(of: "alice")
        #expect(!names.contains("alice") && !names.contains("") && Set(names).count == names.count && names.count < 500)
        #expect(NearestName.neighbours(of: String(repeating: "a", count: 65)).isEmpty)
    }
}
