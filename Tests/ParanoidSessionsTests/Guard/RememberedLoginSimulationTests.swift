import Testing

@testable import ParanoidSessions

@Suite("Remembered logins on a bad network")
struct RememberedLoginSimulationTests {
    /// The longest time that a request or an answer is under way, in milliseconds.
    private static let delay = 6000

    private enum Event {
        /// The browser asks, with what its jar holds then.
        case ask
        case arrival(Nonce)
        case answer(Nonce)
    }

    /// One browser, perhaps a thief with a copy of its jar, and the server.
    private struct World {
        var generator: SeededRandom
        let keys: ServerKeys
        var login: RememberedLogin
        var jar: Nonce
        var events: [(at: Int, event: Event)] = []
        var requests = 0
        var isEnded = false

        init(seed: UInt64) {
            self.generator = SeededRandom(seed: seed)
            self.keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
            self.login = RememberedLogin(user: "ann", device: nil, at: Self.time(0), using: &self.generator)
            self.jar = self.login.firstNonce(keys: self.keys, using: &self.generator)
        }

        static func time(_ milliseconds: Int) -> Timestamp {
            Timestamp(secondsSinceEpoch: 1_000_000).advanced(by: .milliseconds(milliseconds))
        }

        /// Mostly short, sometimes as long as it may be.
        mutating func underWay() -> Int {
            Int.random(in: 0..<4, using: &self.generator) == 0
                ? .random(in: 0...RememberedLoginSimulationTests.delay, using: &self.generator)
                : .random(in: 1...80, using: &self.generator)
        }

        mutating func show(_ nonce: Nonce, at now: Int) -> Nonce? {
            self.requests += 1
            let delay = Duration.milliseconds(RememberedLoginSimulationTests.delay)
            switch self.login.show(
                nonce,
                arrivedAt: Self.time(now),
                at: Self.time(now),
                delay: delay,
                keys: self.keys,
                using: &self.generator
            ) {
            case .accepted(let next): return next
            case .foreign, .old, .reuse:
                self.isEnded = true
                return nil
            }
        }

        mutating func step() {
            guard let index = self.events.indices.min(by: { self.events[$0].at < self.events[$1].at }) else { return }
            let (now, event) = self.events.remove(at: index)
            switch event {
            case .ask:
                self.events.append((now + self.underWay(), .arrival(self.jar)))
                // The web server may send a request again.
                if Int.random(in: 0..<100, using: &self.generator) == 0 {
                    self.events.append((now + self.underWay(), .arrival(self.jar)))
                }
            case .arrival(let nonce):
                guard let next = self.show(nonce, at: now), Int.random(in: 0..<25, using: &self.generator) != 0 else { return }
                self.events.append((now + self.underWay(), .answer(next)))
            case .answer(let nonce): self.jar = nonce
            }
        }
    }

    @Test("throw no honest browser out: tabs, bursts, lost, late and overtaking answers, repeated requests")
    func honest() {
        var requests = 0
        for seed in 0..<20 as Range<UInt64> {
            var world = World(seed: seed)
            var now = 1000
            for _ in 0..<120 {
                for _ in 0..<Int.random(in: 1...5, using: &world.generator) {
                    world.events.append((now + .random(in: 0...300, using: &world.generator), .ask))
                }
                now += [50, 2000, 20_000, 40_000_000][Int.random(in: 0..<4, using: &world.generator)]
            }
            while !world.events.isEmpty && !world.isEnded { world.step() }
            let isEnded = world.isEnded
            #expect(!isEnded, "seed \(seed)")
            requests += world.requests
        }
        #expect(requests > 5000)
    }

    @Test("find a thief with a copy of the jar, at the latest when both have come back after both have used it")
    func thief() {
        for seed in 0..<60 as Range<UInt64> {
            var world = World(seed: seed)
            var copy = world.jar
            var used: Set<Bool> = []
            var cameBack: Set<Bool> = []
            var now = 0
            for _ in 0..<200 where !world.isEnded {
                // An hour or more later, one of the two, with what it was given last.
                now += .random(in: 3_600_000...9_000_000, using: &world.generator)
                let isThief = Bool.random(using: &world.generator)
                if used.count == 2 { cameBack.insert(isThief) }
                used.insert(isThief)
                if let next = world.show(isThief ? copy : world.jar, at: now) {
                    if isThief { copy = next } else { world.jar = next }
                }
                #expect(world.isEnded || cameBack.count < 2, "seed \(seed)")
            }
            #expect(world.isEnded, "seed \(seed)")
        }
    }
}
