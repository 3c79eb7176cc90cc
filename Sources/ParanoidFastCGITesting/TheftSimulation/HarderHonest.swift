/// Honest owners who are harder on the rule than those of ``Honest``: delays that are often close to the bound, bursts of 40, handlers that
/// take up to 20 seconds, and new identifiers that the application asks for.
package struct HarderHonest {
    /// So many requests, or a little more.
    package var wanted: Int
    /// How long each session lasts, in seconds.
    package var seconds = 7200.0
    /// The longest delay each way, in seconds.
    package var longestDelay = 5.99
    /// The longest time of a handler, in seconds; one request in twenty takes up to so long.
    package var longestHandler = 20.0
    /// The part of the requests that ask for a new identifier.
    package var rotations = 0.0
    package var lostResponses = 0.04
    package var repeatedRequests = 0.01

    package init(wanted: Int, rotations: Double = 0) {
        self.wanted = wanted
        self.rotations = rotations
    }

    private enum Event<Server: HeldServer> {
        case send
        case arrive(Server.Jar)
        case respond(Server.Held)
        case take(Server.Jar)
    }

    /// Plays one session after the other.
    package func run<Server: HeldServer>(_ makeServer: (UInt64) -> Server) -> Honest.Figures {
        var figures = Honest.Figures()
        while figures.requests < self.wanted && figures.sessions < 20_000 {
            figures.sessions += 1
            let seed = UInt64(figures.sessions) &* 7_368_787
            if self.play(makeServer(seed), seed, &figures) { figures.thrownOut += 1 }
        }
        return figures
    }

    /// Plays one session.
    ///
    /// - Returns: Whether its owner was thrown out.
    private func play<Server: HeldServer>(_ server: Server, _ seed: UInt64, _ figures: inout Honest.Figures) -> Bool {
        var server = server
        var random = MixingGenerator(seed: seed)
        var queue = EventQueue<Event<Server>>()
        var jar = server.begin(at: 0)
        queue.add(.send, at: 0.1)
        while let (time, event) = queue.next(), time < self.seconds {
            switch event {
            case .send:
                let burst = [1, 1, 1, 1, 4, 12, 40][Int(random.next() % 7)]
                for _ in 0..<burst {
                    queue.add(.arrive(jar), at: time + self.delay(&random))
                    if random.chance(self.repeatedRequests) { queue.add(.arrive(jar), at: time + self.delay(&random)) }
                }
                let pauses = [0.05, 0.3, 1, 3, 6, 8, 12.2, 13, 30]
                var pause = pauses[Int(random.next() % UInt64(pauses.count))] * random.uniform(0.5, 1.5)
                if random.chance(0.02) { pause += random.uniform(60, 3600) }
                queue.add(.send, at: time + pause)
            case .arrive(let shown):
                figures.requests += 1
                if let held = server.arrive(shown, at: time, begunAt: time) {
                    let handler = random.chance(0.05) ? random.uniform(0, self.longestHandler) : random.uniform(0.001, 0.05)
                    queue.add(.respond(held), at: time + handler)
                } else if server.hasEnded {
                    return true
                } else {
                    figures.refusals += 1
                }
            case .respond(let held):
                let sets = server.respond(to: held, at: time, renewing: random.chance(self.rotations) ? .identifier : .none)
                if let sets, !random.chance(self.lostResponses) { queue.add(.take(sets), at: time + self.delay(&random)) }
            case .take(let sets): jar = Server.take(sets, into: jar)
            }
        }
        return false
    }

    private func delay(_ random: inout MixingGenerator) -> Double {
        switch random.next() % 4 {
        case 0: random.uniform(0, self.longestDelay)
        case 1: random.uniform(self.longestDelay * 0.95, self.longestDelay)
        default: random.uniform(0.005, 0.3)
        }
    }
}
