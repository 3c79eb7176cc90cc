/// Sessions of honest users until so many requests were made.
final class Honest<Server: SimulatedServer> {
    private let wanted: Int
    private let makeServer: (UInt64) -> Server
    private(set) var requests = 0
    private(set) var sessions = 0
    private(set) var thrownOut = 0

    init(wanted: Int, _ makeServer: @escaping (UInt64) -> Server) {
        self.wanted = wanted
        self.makeServer = makeServer
    }

    func run(_ name: String, delay: Double) {
        while self.requests < self.wanted && self.sessions < 20_000 {
            let seed = UInt64(self.sessions + 1) &* 100_003
            var simulation = Simulation(
                self.makeServer(seed),
                seed: seed,
                tabs: 1 + self.sessions % 6,
                seconds: 7200,
                network: .init(longestDelay: delay)
            )
            let outcome = simulation.run()
            self.requests += outcome.requests
            self.sessions += 1
            if outcome.endedAt != nil { self.thrownOut += 1 }
        }
        print("| \(name) | \(delay) s | \(self.requests) | \(self.sessions) | \(self.thrownOut) |")
    }
}
