import ParanoidFastCGITesting
import ParanoidSessions
import Testing

/// A machine that begins with a wrong clock, as one without a battery does, and is put right later.
@Suite("A session of a machine whose clock was wrong")
struct GuardClockTests {
    private static let year = 31_536_000.0

    /// Asks every second, or ten, for a minute, and takes cookies; whether all was served, and how often new values came.
    private static func use(
        _ server: inout GuardServer,
        _ jar: inout GuardServer.Jar,
        from start: Double,
        every pause: Double
    ) -> (Bool, Int) {
        var given = 0
        for step in 0..<Int(60 / pause) {
            let now = start + Double(step) * pause
            guard let held = server.arrive(jar, at: now, begunAt: now) else { return (false, given) }
            if let sets = server.respond(to: held, at: now, renewing: .none) {
                jar = GuardServer.take(sets, into: jar)
                given += 1
            }
        }
        return (true, given)
    }

    @Test("goes on when the clock is put right, and gives new values as before", arguments: [1.0, 10], [year * 3, -year * 3])
    func corrected(pause: Double, jump: Double) {
        var server = GuardServer(settings: GuardSettings(profile: .paranoid), seed: 11, clients: .plain)
        var jar = server.begin(at: 0)
        let before = Self.use(&server, &jar, from: 1, every: pause)
        let after = Self.use(&server, &jar, from: 62 + jump, every: pause)
        let later = Self.use(&server, &jar, from: 200 + jump, every: pause)
        #expect(before.0 && after.0 && later.0)
        #expect(before.1 >= 2 && after.1 >= 2 && later.1 >= 2, "\(before) \(after) \(later)")
    }

    @Test("still finds a thief after the clock was set back")
    func thief() {
        var server = GuardServer(settings: GuardSettings(profile: .paranoid), seed: 12, clients: .plain)
        var jar = server.begin(at: Self.year)
        _ = Self.use(&server, &jar, from: Self.year + 1, every: 1)
        _ = Self.use(&server, &jar, from: 1, every: 1)
        let thief = jar
        _ = Self.use(&server, &jar, from: 62, every: 1)
        let held = server.arrive(thief, at: 123, begunAt: 123)
        #expect(held == nil && server.hasEnded)
    }

    @Test("gets a new identifier in time, though the last one was made in the future")
    func identifier() {
        var settings = GuardSettings(profile: .paranoid)
        settings.identifierTimeout = .seconds(30)
        var server = GuardServer(settings: settings, seed: 13, clients: .plain)
        var jar = server.begin(at: Self.year)
        let made = server.stored?.tracking?.identifierIssuedAt
        _ = Self.use(&server, &jar, from: 1, every: 1)
        let now = server.stored?.tracking?.identifierIssuedAt
        #expect(made.map { made in now.map { $0 < made } ?? false } ?? false)
    }
}
