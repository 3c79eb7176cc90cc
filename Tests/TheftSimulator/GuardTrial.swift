internal import ParanoidSessions
internal import ParanoidFastCGITesting

/// The guard alone, and what it is compared with.
struct GuardTrial {
    let isShort: Bool

    private func settings(_ profile: GuardSettings.Profile) -> GuardSettings {
        GuardSettings(profile: profile)
    }

    func run() -> CheckList {
        var checks = CheckList()
        self.playHonest(&checks)
        self.playHarderHonest(&checks)
        self.playThieves(&checks)
        self.playStepThieves(&checks)
        return checks
    }

    private func playHonest(_ checks: inout CheckList) {
        print(Report.honestHead)
        let wanted = self.isShort ? 100_000 : 1_000_000
        let paranoid = self.settings(.paranoid)
        let compatible = self.settings(.compatible)

        let rule = Honest(wanted: wanted)
        let byRule = rule.run { _ in ChainServer(delay: 6, timeout: 1) }
        Report.row("rule alone", rule, byRule)
        checks.expect(byRule.thrownOut == 0, "no honest user is thrown out by the rule in \(byRule.requests) requests")

        let whole = Honest(wanted: self.isShort ? 30_000 : 1_000_000)
        let byGuard = whole.run { GuardServer(settings: paranoid, seed: $0) }
        Report.row("guard, paranoid", whole, byGuard)
        checks.expect(byGuard.thrownOut == 0, "no honest user is thrown out by the guard in \(byGuard.requests) requests")
        checks.expect(byGuard.refusals == 0, "and no request of theirs is refused: \(byGuard.refusals)")

        let beyond = Honest(wanted: wanted / 5, longestDelay: 15)
        Report.row("rule alone, bound broken", beyond, beyond.run { _ in ChainServer(delay: 6, timeout: 1) })

        let old = Honest(wanted: self.isShort ? 1000 : 7000)
        let byOld = old.run { GuardServer(settings: compatible, seed: $0) }
        Report.row("guard, compatible (2009)", old, byOld)
        checks.expect(byOld.thrownOut > 0, "the simulated network is bad enough to throw out users of the rules of 2009")
    }

    private func playHarderHonest(_ checks: inout CheckList) {
        print(Report.harderHead)
        let paranoid = self.settings(.paranoid)
        for rotations in [0, 0.02] {
            let rule = HarderHonest(wanted: self.isShort ? 60_000 : 1_000_000, rotations: rotations)
            let byRule = rule.run { _ in ChainServer(delay: 6, timeout: 1) }
            Report.row("rule alone", rule, byRule)
            checks.expect(byRule.thrownOut == 0, "no harder owner is thrown out by the rule in \(byRule.requests) requests")
            let whole = HarderHonest(wanted: self.isShort ? 20_000 : 1_000_000, rotations: rotations)
            let byGuard = whole.run { GuardServer(settings: paranoid, seed: $0) }
            Report.row("guard, paranoid", whole, byGuard)
            checks.expect(byGuard.thrownOut == 0, "no harder owner is thrown out by the guard in \(byGuard.requests) requests")
            checks.expect(byGuard.refusals == 0, "and no request of theirs is refused: \(byGuard.refusals)")
        }
    }

    private func playStepThieves(_ checks: inout CheckList) {
        print(Report.stepHead)
        let paranoid = self.settings(.paranoid)
        for period in [2, 5, 10, 15, 30, 60] as [Double] {
            let thief = StepThief(period: period)
            let runs = (1...(self.isShort ? 10 : 50)).map { seed in
                thief.run(GuardServer(settings: paranoid, seed: UInt64(seed), isPlain: true), seed: UInt64(seed) &* 7919)
            }
            Report.row("guard, paranoid", thief, runs)
            // Counted from the owner's first request after the copy.
            let latest = period + max(60, 4 * period)
            let last = runs.map(\.lastServedAt).max() ?? 0
            checks.expect(last <= latest, "a thief in step with an owner every \(period) s is served at \(last) s for the last time")
        }
    }

    private func playThieves(_ checks: inout CheckList) {
        print(Report.thievesHead)
        let paranoid = self.settings(.paranoid)
        let compatible = self.settings(.compatible)
        let sessions = self.isShort ? 60 : 300
        for thief in KnownThief.all {
            let thefts = Thefts(sessions: sessions, waits: thief.waits, asksEvery: thief.asksEvery)
            let figures = thefts.run { GuardServer(settings: paranoid, seed: $0) }
            Report.row("guard, paranoid", thief.name, figures)
            let median = Thefts.Figures.quantile(figures.times, 0.5) ?? 0
            checks.expect(figures.ended >= figures.shared, "whoever shares a jar with its owner is found (\(thief.name))")
            checks.expect(
                median <= thief.limit,
                "a thief who \(thief.name) is found within \(thief.limit) s in half of all cases: \(median)"
            )
        }
        let old = Thefts(sessions: sessions, waits: 1, asksEvery: 2).run { GuardServer(settings: compatible, seed: $0) }
        Report.row("guard, compatible (2009)", "asks every 2 s", old)
    }
}
