import ParanoidFastCGITesting
import ParanoidSessions
import Testing

/// Networks that a session meets, and clients that take no cookies, on the guard with D = 6 s.
@Suite("A network that a session has not met")
struct PendingSignalsTests {
    /// A server, and one client with a jar.
    private struct Client {
        var jar: GuardServer.Jar
        var network: UInt32
        var isOccasion = true
        var takesCookies = true
        /// Whether the last response gave a value.
        var wasGiven = false

        /// Whether the request was served.
        mutating func ask(_ server: inout GuardServer, at now: Double) -> Bool {
            let from = GuardServer.Client(network: self.network, isOccasion: self.isOccasion)
            guard let held = server.arrive(self.jar, at: now, begunAt: now, from: from) else { return false }
            let sets = server.respond(to: held, at: now, renewing: .none)
            self.wasGiven = sets != nil
            if let sets, self.takesCookies { self.jar = GuardServer.take(sets, into: self.jar) }
            return true
        }
    }

    private static func begin(_ change: (inout GuardSettings) -> Void = { _ in }) -> (server: GuardServer, owner: Client) {
        var settings = GuardSettings(profile: .paranoid)
        change(&settings)
        var server = GuardServer(settings: settings, seed: 3, clients: .plain)
        var owner = Client(jar: server.begin(at: 0), network: 0)
        _ = owner.ask(&server, at: 1)
        return (server, owner)
    }

    @Test("is told when it is found, once, and not only when a new identifier goes out", arguments: [true, false])
    func told(isOccasion: Bool) {
        var (server, owner) = Self.begin()
        owner.network = 7
        owner.isOccasion = isOccasion
        _ = owner.ask(&server, at: 2)
        #expect(server.found == ["address"])
        for second in 3..<40 { _ = owner.ask(&server, at: Double(second)) }
        #expect(server.found == ["address"])
        owner.network = 8
        _ = owner.ask(&server, at: 41)
        #expect(server.found == ["address", "address"])
    }

    @Test("is known when what was given to it is shown, from whatever network: one for each connection costs nothing")
    func relays() {
        var (server, owner) = Self.begin()
        for second in 2..<400 {
            owner.network = UInt32(second % 5) + 10
            let isServed = owner.ask(&server, at: Double(second))
            #expect(isServed, "at \(second)")
        }
        // All five are known by now.
        #expect(server.found.count == 5)
    }

    @Test("is withheld 2 D after five responses that could carry a value, when none is shown", arguments: [true, false])
    func withheld(isOccasion: Bool) {
        var (server, owner) = Self.begin()
        var thief = owner
        thief.network = 7
        thief.isOccasion = isOccasion
        thief.takesCookies = false
        var last = 0.0
        for second in 13..<120 where thief.ask(&server, at: Double(second)) { last = Double(second) }
        // Five responses, each D / 3 after the one before, and 2 D.
        #expect(last > 20 && last <= 13 + 8 + 12 + 2, "\(last)")
        // The owner, in a network that the session knows, is served.
        let isServed = owner.ask(&server, at: 121)
        #expect(isServed && !server.hasEnded)
    }

    @Test("is not withheld for a few lost answers", arguments: 1...4)
    func lost(count: Int) {
        var (server, owner) = Self.begin()
        owner.network = 7
        owner.takesCookies = false
        for step in 1...count {
            let isServed = owner.ask(&server, at: Double(step) * 14)
            #expect(isServed)
        }
        owner.takesCookies = true
        for step in (count + 1)...(count + 5) {
            let isServed = owner.ask(&server, at: Double(step) * 14)
            #expect(isServed, "\(step)")
        }
    }

    @Test(
        "is not withheld where the first response to it is lost and its user reads for longer than 2 D: a rule that counts from there would",
        arguments: [13, 30, 1800]
    )
    func firstIsLost(pause: Int) {
        var (server, owner) = Self.begin()
        owner.network = 7
        owner.takesCookies = false
        let isServed = owner.ask(&server, at: 14)
        // The first response that could carry a value, and it carried one.
        #expect(isServed && owner.wasGiven)
        owner.takesCookies = true
        var later = 14
        for _ in 0..<4 {
            later += pause
            let isServed = owner.ask(&server, at: Double(later))
            #expect(isServed, "\(later) s, \(later - 14) s after the first response")
        }
        #expect(!server.hasEnded)
    }

    @Test("is not withheld where the jar has taken new values, but not those: an answer that began in another network came last")
    func overtaken() {
        var (server, owner) = Self.begin()
        owner.network = 7
        owner.takesCookies = false
        for second in stride(from: 14, through: 29, by: 3) {
            let isServed = owner.ask(&server, at: Double(second))
            #expect(isServed)
        }
        owner.network = 0
        owner.takesCookies = true
        let isGiven = owner.ask(&server, at: 30)
        #expect(isGiven)
        owner.network = 7
        // Half an hour later, in the network where nothing that was given to it has come to the jar.
        for second in 1830..<1900 {
            let isServed = owner.ask(&server, at: Double(second))
            #expect(isServed, "\(second)")
        }
    }

    @Test("comes back from a record")
    func coding() {
        var (server, owner) = Self.begin()
        let before = server.stored
        owner.network = 7
        owner.takesCookies = false
        for second in [2, 14, 17, 20] { _ = owner.ask(&server, at: Double(second)) }
        let record = server.stored
        #expect(record?.tracking?.pending != before?.tracking?.pending)
        #expect(record.flatMap { SessionRecord(decoding: $0.encoded()) } == record)
    }
}

@Suite("A client that shows none of the values it is given")
struct IgnoredCookiesTests {
    private func lastServed(_ policy: GuardSettings.IgnoredCookies) -> (last: Int, found: [String]) {
        var settings = GuardSettings(profile: .paranoid)
        settings.ignoredCookies = policy
        var server = GuardServer(settings: settings, seed: 3, clients: .plain)
        let jar = server.begin(at: 0)
        var last = 0
        for second in 1..<300 {
            let now = Double(second)
            guard let held = server.arrive(jar, at: now, begunAt: now) else { continue }
            _ = server.respond(to: held, at: now, renewing: .none)
            last = second
        }
        return (last, server.found)
    }

    @Test("is withheld after five rounds", arguments: [GuardSettings.IgnoredCookies.challenge, .end])
    func withheld(_ policy: GuardSettings.IgnoredCookies) {
        let (last, found) = self.lastServed(policy)
        #expect(60...80 ~= last, "\(last)")
        #expect(found == [])
    }

    @Test("is told of, once, where the rules say so")
    func told() {
        let (last, found) = self.lastServed(.log)
        #expect(last == 299)
        #expect(found == ["cookies"])
        #expect(self.lastServed(.off).found == [])
    }
}
