/// Sessions of honest users until so many requests were made.
package struct Honest {
    /// Who was thrown out.
    package struct Figures: Sendable {
        package var requests = 0
        package var sessions = 0
        package var thrownOut = 0
        /// Requests of sessions that went on which were not accepted.
        package var refusals = 0

        package init() {}
    }

    /// So many requests, or a little more.
    package var wanted: Int
    /// How long each session lasts, in seconds.
    package var seconds: Double
    /// The longest delay each way, in seconds.
    package var longestDelay: Double

    package init(wanted: Int, seconds: Double = 7200, longestDelay: Double = 5) {
        self.wanted = wanted
        self.seconds = seconds
        self.longestDelay = longestDelay
    }

    /// Plays one session after the other, with 1 to 6 tabs.
    package func run<Server: SimulatedServer>(_ makeServer: (UInt64) -> Server) -> Figures {
        var figures = Figures()
        while self.playsOn(after: figures) { self.playOne(&figures, makeServer) }
        return figures
    }

    /// Whether there is something left to play.
    package func playsOn(after figures: Figures) -> Bool { figures.requests < self.wanted && figures.sessions < 20_000 }

    /// Plays the next session.
    package func playOne<Server: SimulatedServer>(_ figures: inout Figures, _ makeServer: (UInt64) -> Server) {
        let seed = UInt64(figures.sessions + 1) &* 100_003
        var simulation = Simulation(
            makeServer(seed),
            seed: seed,
            tabs: 1 + figures.sessions % 6,
            seconds: self.seconds,
            network: .init(longestDelay: self.longestDelay)
        )
        let outcome = simulation.run()
        figures.requests += outcome.requests
        figures.sessions += 1
        if outcome.endedAt != nil { figures.thrownOut += 1 } else { figures.refusals += outcome.refusals }
    }
}
