/// Sessions whose jar a thief has copied.
struct Thefts {
    struct Figures {
        /// Sessions in which owner and thief were both active.
        var shared = 0
        /// Sessions that ended while they were.
        var ended = 0
        var median = 0.0
    }

    let sessions: Int
    let waits: Double
    let asksEvery: Double

    func run<Server: SimulatedServer>(_ rules: String, _ thief: String, _ makeServer: (UInt64) -> Server) -> Figures {
        var figures = Figures()
        var times: [Double] = []
        var uses: [Double] = []
        var answers: [Double] = []
        for session in 0..<self.sessions {
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
            if let time = outcome.sharedFor { times.append(time) }
            uses.append(Double(outcome.ownerRequests))
            answers.append(Double(outcome.thiefAnswers))
        }
        figures.median = Self.quantile(times, 0.5)
        let row: [String] = [
            rules, thief, "\(figures.ended) of \(figures.shared)", Self.rounded(figures.median), Self.rounded(Self.quantile(times, 0.9)),
            Self.rounded(times.max() ?? .nan), Self.rounded(Self.quantile(uses, 0.5)), Self.rounded(Self.quantile(answers, 0.5)),
        ]
        print("| " + row.joined(separator: " | ") + " |")
        return figures
    }

    private static func quantile(_ values: [Double], _ part: Double) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))]
    }

    private static func rounded(_ value: Double) -> String {
        value.isNaN ? "-" : "\((value * 10).rounded() / 10)"
    }
}
