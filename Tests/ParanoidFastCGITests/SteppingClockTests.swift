import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@Suite("A clock that steps beside sessions of a product")
struct SteppingClockTests {
    private static let hour = 3600
    private static let years = 10 * 31_536_000

    @Test(
        "costs nobody a login while it stays within the lifetimes, and a copy is found afterwards as before",
        arguments: [hour, -hour, -years, 11 * hour, -30 * 86_400]
    )
    func step(_ seconds: Int) async throws {
        let scene = try VisitApplication()
        var ann = scene.client().thief()
        #expect(try await ann.post("/login").text == "in")
        for _ in 0..<5 {
            scene.pass(7)
            #expect(try await ann.get("/user").text == "ann accepted")
        }
        scene.pass(seconds)
        for pause in [0, 1, 3, 7, 13, 13] {
            scene.pass(pause)
            #expect(try await ann.get("/user").text == "ann accepted", "\(pause) s later")
        }
        var copy = ann
        for _ in 0..<4 {
            scene.pass(14)
            #expect(try await ann.get("/user").text == "ann accepted")
        }
        scene.pass(7)
        #expect(try await copy.get("/user").text == "nobody challenged")
    }

    @Test("and comes back prolongs no session and leaves no login for ever", arguments: [-years, -hour])
    func back(_ seconds: Int) async throws {
        let scene = try VisitApplication()
        var ann = scene.client().thief()
        #expect(try await ann.post("/login").text == "in")
        scene.pass(seconds)
        #expect(try await ann.get("/user").text == "ann accepted")
        // The absolute end, counted from what the clock shows now.
        scene.pass(12 * Self.hour + 1)
        #expect(try await ann.get("/user").text.hasPrefix("nobody"))
    }
}
