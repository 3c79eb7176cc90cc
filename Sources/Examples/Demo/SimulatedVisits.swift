import ParanoidFastCGI
import ParanoidFastCGITesting

/// A few sessions of honest visitors and of thieves, in the guard's own rules and in those of 2009.
struct SimulatedVisits: Sendable {
    /// What happened.
    struct Results: Encodable, Sendable {
        struct Honest: Encodable, Sendable {
            var rules: String
            var requests: Int
            var sessions: Int
            var thrownOut: Int
        }

        struct Thief: Encodable, Sendable {
            var thief: String
            var sessions: Int
            var found: Int
            var medianSeconds: Double
            var worstSeconds: Double
            var answers: Int
        }

        var delayBound: Int
        var honest: [Honest] = []
        var thieves: [Thief] = []
    }

    var settings: GuardSettings

    private static let thieves: [(name: String, waits: Double, asksEvery: Double)] = [
        ("asks every 0.3 s, in lock-step", 0.1, 0.3), ("asks every 2 s", 1, 2), ("asks every 20 s", 5, 20),
        ("comes back after ten minutes", 600, 5),
    ]

    /// Plays everything; other requests get their turn between any two sessions.
    func play() async -> Results {
        var results = Results(delayBound: Int(self.settings.delayBound.components.seconds))
        let compatible = GuardSettings(profile: .compatible)
        let paranoid = self.settings.profile.isCompatible ? GuardSettings() : self.settings
        for (rules, settings, wanted) in [("paranoid", paranoid, 2000), ("compatible: the package of 2009", compatible, 400)] {
            let honest = Honest(wanted: wanted)
            var figures = Honest.Figures()
            while honest.playsOn(after: figures) {
                honest.playOne(&figures) { GuardServer(settings: settings, seed: $0) }
                await Task.yield()
            }
            results.honest.append(
                .init(rules: rules, requests: figures.requests, sessions: figures.sessions, thrownOut: figures.thrownOut)
            )
        }
        for thief in Self.thieves {
            let thefts = Thefts(sessions: 9, waits: thief.waits, asksEvery: thief.asksEvery)
            var figures = Thefts.Figures()
            for session in 0..<thefts.sessions {
                thefts.playOne(session, &figures) { GuardServer(settings: paranoid, seed: $0) }
                await Task.yield()
            }
            results.thieves.append(self.row(thief.name, figures))
        }
        return results
    }

    private func row(_ name: String, _ figures: Thefts.Figures) -> Results.Thief {
        func rounded(_ part: Double) -> Double { ((Thefts.Figures.quantile(figures.times, part) ?? 0) * 10).rounded() / 10 }
        return Results.Thief(
            thief: name,
            sessions: figures.shared,
            found: figures.ended,
            medianSeconds: rounded(0.5),
            worstSeconds: rounded(1),
            answers: Int(Thefts.Figures.quantile(figures.answers, 0.5) ?? 0)
        )
    }
}
