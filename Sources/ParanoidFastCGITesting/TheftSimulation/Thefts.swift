/// Sessions whose jar a thief has copied.
package struct Thefts {
    /// What became of them.
    package struct Figures: Sendable {
        /// Sessions in which owner and thief were both active.
        package var shared = 0
        /// Sessions that ended while they were.
        package var ended = 0
        /// The seconds from when both had been active to the end of both.
        package var times: [Double] = []
        /// The owner's requests meanwhile.
        package var uses: [Double] = []
        /// The answers that the thief got meanwhile.
        package var answers: [Double] = []

        package init() {}

        /// The value below which such a part of the values lies; `nil` where there are none.
        package static func quantile(_ values: [Double], _ part: Double) -> Double? {
            let sorted = values.sorted()
            return sorted.isEmpty ? nil : sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))]
        }
    }

    package var sessions: Int
    /// The seconds the thief waits after the theft.
    package var waits: Double
    /// The seconds between the thief's requests.
    package var asksEvery: Double
    /// The first session's number; other numbers are other sessions.
    package var first: Int

    package init(sessions: Int, waits: Double, asksEvery: Double, first: Int = 0) {
        self.sessions = sessions
        self.waits = waits
        self.asksEvery = asksEvery
        self.first = first
    }

    /// Plays the sessions, an hour each, on a perfect network.
    package func run<Server: SimulatedServer>(_ makeServer: (UInt64) -> Server) -> Figures {
        var figures = Figures()
        for session in self.first..<self.first + self.sessions { self.playOne(session, &figures, makeServer) }
        return figures
    }

    /// Plays one session.
    package func playOne<Server: SimulatedServer>(_ session: Int, _ figures: inout Figures, _ makeServer: (UInt64) -> Server) {
        let seed = UInt64(session + 1) &* 7919
        var simulation = Simulation(
            makeServer(seed),
            seed: seed,
            tabs: 1 + session % 6,
            seconds: 3600,
            network: .perfect,
            thief: .init(waits: self.waits, asksEvery: self.asksEvery)
        )
        let outcome = simulation.run()
        // Who ends the session before the other comes has shared nothing.
        figures.shared += 1
        if outcome.endedAt != nil { figures.ended += 1 }
        if let time = outcome.sharedFor { figures.times.append(time) }
        figures.uses.append(Double(outcome.ownerRequests))
        figures.answers.append(Double(outcome.thiefAnswers))
    }
}
