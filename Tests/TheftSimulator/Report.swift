internal import ParanoidFastCGITesting

/// Rows of the two tables.
enum Report {
    static let honestHead = """
        Honest browsers, 1 to 6 tabs, two hours each: who is thrown out?

        | rules | delays up to | requests | sessions | thrown out | refusals besides |
        |---|---|---|---|---|---|
        """

    static let thievesHead = """

        The whole jar copied, perfect network: how long do two share it?

        | rules | thief | ended | median s | p90 s | worst s | owner's requests (median) | thief's answers (median) |
        |---|---|---|---|---|---|---|---|
        """

    static let harderHead = """

        Harder owners: delays up to 5.99 s, bursts of 40, handlers of up to 20 s: who is thrown out?

        | rules | requests that ask for a new identifier | requests | sessions | thrown out | refusals besides |
        |---|---|---|---|---|---|
        """

    static let everydayHead = """

        Everyday owners: handlers up to 60 s, uploads, long polls, bursts of 128, logins, new identifiers, restarts: who is thrown out?

        | rules | trouble | requests | sessions | thrown out | withheld besides |
        |---|---|---|---|---|---|
        """

    static func row(_ rules: String, _ trouble: String, _ figures: Honest.Figures) {
        print("| \(rules) | \(trouble) | \(figures.requests) | \(figures.sessions) | \(figures.thrownOut) | \(figures.refusals) |")
    }

    static let strategiesHead = """

        The whole jar copied, eight hours: times count from the owner's first request after the copy.

        | thief | owner asks every | served (median) | last served (median) s | last served (worst) s | proven | proven at (median) s | alive after 8 h |
        |---|---|---|---|---|---|---|---|
        """

    static func row(_ trial: ThiefTrial, _ runs: [ThiefTrial.Outcome]) {
        let row: [String] = [
            trial.strategy.text, "\(self.rounded(trial.period)) s\(trial.isRegular ? "" : ", irregular")",
            self.quantile(runs.map { Double($0.served) }, 0.5), self.quantile(runs.compactMap(\.lastServedAt), 0.5),
            self.quantile(runs.compactMap(\.lastServedAt), 1), "\(runs.count { $0.provenAt != nil }) of \(runs.count)",
            runs.contains { $0.provenAt != nil } ? self.quantile(runs.compactMap(\.provenAt), 0.5) : "withheld",
            "\(runs.count { $0.isAlive })",
        ]
        print("| " + row.joined(separator: " | ") + " |")
    }

    static let everyHead = """

        Every thief there is, in a small world: when is one served for the last time, counted from the owner's first request after the copy?

        | a step is (D = 6 s) | thief's values of a generation | thief holds requests for | owner asks every | worlds | moves | one survives | last served |
        |---|---|---|---|---|---|---|---|
        """

    static func everyRow(_ step: Double, _ values: Int, _ hold: Double, _ owner: [EveryThief.Ask], _ figures: EveryThief.Figures) {
        let gaps = owner.map { "\(self.rounded(Double($0.gap) * step))\($0.isAnswered ? "" : " (answer lost)")" }.joined(separator: ", ")
        let row: [String] = [
            "\(self.hundredths(step)) s", "\(values)", hold > 0 ? "\(self.rounded(hold)) s" : "not", "\(gaps) s", "\(figures.worlds)",
            "\(figures.moves)", figures.survives ? "yes" : "no",
            figures.lastServed == .min ? "never" : "\(self.rounded(Double(figures.lastServed) * step)) s",
        ]
        print("| " + row.joined(separator: " | ") + " |")
    }

    private static func hundredths(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

    static func row(_ rules: String, _ honest: HarderHonest, _ figures: Honest.Figures) {
        print(
            "| \(rules) | \(self.rounded(honest.rotations * 100)) % | \(figures.requests) | \(figures.sessions) | \(figures.thrownOut) | "
                + "\(figures.refusals) |"
        )
    }

    static func row(_ rules: String, _ honest: Honest, _ figures: Honest.Figures) {
        print(
            "| \(rules) | \(self.rounded(honest.longestDelay)) s | \(figures.requests) | \(figures.sessions) | \(figures.thrownOut) | "
                + "\(figures.refusals) |"
        )
    }

    static func row(_ rules: String, _ thief: String, _ figures: Thefts.Figures) {
        let row: [String] = [
            rules, thief, "\(figures.ended) of \(figures.shared)", self.quantile(figures.times, 0.5), self.quantile(figures.times, 0.9),
            self.quantile(figures.times, 1), self.quantile(figures.uses, 0.5), self.quantile(figures.answers, 0.5),
        ]
        print("| " + row.joined(separator: " | ") + " |")
    }

    private static func quantile(_ values: [Double], _ part: Double) -> String {
        Thefts.Figures.quantile(values, part).map(self.rounded) ?? "-"
    }

    private static func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
