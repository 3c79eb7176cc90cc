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

    static let stepHead = """

        The whole jar copied by a thief who stays in step with the owner, eight hours: when are they out?

        | rules | owner asks every | proven | proven at (median) s | last served (median) s | last served (worst) s | thief's answers (median) |
        |---|---|---|---|---|---|---|
        """

    static func row(_ rules: String, _ honest: HarderHonest, _ figures: Honest.Figures) {
        print(
            "| \(rules) | \(self.rounded(honest.rotations * 100)) % | \(figures.requests) | \(figures.sessions) | \(figures.thrownOut) | "
                + "\(figures.refusals) |"
        )
    }

    static func row(_ rules: String, _ thief: StepThief, _ runs: [StepThief.Outcome]) {
        let row: [String] = [
            rules, "\(self.rounded(thief.period)) s", "\(runs.count { $0.endedAt != nil }) of \(runs.count)",
            self.quantile(runs.compactMap(\.endedAt), 0.5), self.quantile(runs.map(\.lastServedAt), 0.5),
            self.quantile(runs.map(\.lastServedAt), 1), self.quantile(runs.map { Double($0.served) }, 0.5),
        ]
        print("| " + row.joined(separator: " | ") + " |")
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
