internal import ParanoidSessions
internal import ParanoidFastCGITesting

/// The guard alone, and what it is compared with.
struct GuardTrial {
    let isShort: Bool

    private func settings(_ profile: GuardSettings.Profile) -> GuardSettings {
        GuardSettings(profile: profile)
    }

    /// What can be played alone.
    enum Part: String, CaseIterable {
        case honest
        case harder
        case everyday
        case relays
        case troubles
        case pace
        case strategies
        case every
    }

    func run(_ parts: [Part]) -> CheckList {
        var checks = CheckList()
        for part in parts {
            switch part {
            case .honest: self.playHonest(&checks)
            case .harder: self.playHarderHonest(&checks)
            case .everyday: self.playEverydayHonest(&checks)
            case .relays: self.playRelays(&checks)
            case .troubles: self.playTroubles()
            case .pace: self.playThieves(&checks)
            case .strategies: self.playStrategies(&checks)
            case .every: EveryThiefTrial(isShort: self.isShort).run(&checks)
            }
        }
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

    private func playStrategies(_ checks: inout CheckList) {
        print(Report.strategiesHead)
        let paranoid = self.settings(.paranoid)
        for strategy in ThiefStrategy.all {
            for period in self.isShort ? [2, 15, 60] : [2, 5, 10, 15, 30, 60] as [Double] {
                for isRegular in [true, false] {
                    let trial = ThiefTrial(strategy, period: period, isRegular: isRegular)
                    let runs = (1...(self.isShort ? 4 : 50)).map { seed in
                        trial.run(GuardServer(settings: paranoid, seed: UInt64(seed), clients: .plain), seed: UInt64(seed) &* 7919)
                    }
                    Report.row(trial, runs)
                    // Four intervals of an owner who is irregular can be longer than four times their mean.
                    let latest = max(60, 4 * period * (isRegular ? 1 : 1.7))
                    let last = runs.compactMap(\.lastServedAt).max() ?? 0
                    checks.expect(last <= latest, "a thief who \(strategy.text), owner every \(period) s: last served at \(last) s")
                    checks.expect(!runs.contains { $0.isAlive }, "a thief who \(strategy.text), owner every \(period) s, is alive")
                }
            }
        }
    }

    private func playEverydayHonest(_ checks: inout CheckList) {
        print(Report.everydayHead)
        let honest = EverydayHonest(wanted: self.isShort ? 20_000 : 1_000_000)
        let byRule = honest.run { _ in ChainServer(delay: 6, timeout: 1) }
        Report.row("rule alone", "none", byRule)
        checks.expect(byRule.thrownOut == 0, "no everyday owner is thrown out by the rule in \(byRule.requests) requests")
        self.playEveryday("nine networks", .moving, honest, &checks)
        // The simulated network is bad enough: answers do overtake those of logins.
        let paranoid = self.settings(.paranoid)
        let overtaken = EverydayHonest(wanted: 20_000).run { GuardServer(settings: paranoid, seed: $0, namesLogins: false) }
        checks.expect(overtaken.thrownOut > 0, "with the same cookie names for all logins, answers from before a login take it away")
    }

    private func playRelays(_ checks: inout CheckList) {
        print(Report.everydayHead)
        self.playEveryday("a network each request", .relayed, EverydayHonest(wanted: self.isShort ? 20_000 : 200_000), &checks)
    }

    private func playEveryday(_ name: String, _ clients: GuardServer.Clients, _ honest: EverydayHonest, _ checks: inout CheckList) {
        let paranoid = self.settings(.paranoid)
        let figures = honest.run { GuardServer(settings: paranoid, seed: $0, clients: clients) }
        Report.row("guard, paranoid, \(name)", "none", figures)
        checks.expect(figures.thrownOut == 0, "no everyday owner is thrown out in \(figures.requests) requests (\(name))")
        checks.expect(figures.refusals == 0, "and no request of theirs is withheld (\(name)): \(figures.refusals)")
    }

    /// Counted, and not promised.
    private func playTroubles() {
        print(Report.everydayHead)
        let paranoid = self.settings(.paranoid)
        let troubles: [(String, EverydayHonest.Trouble)] = [
            ("the browser crashes: its jar is of up to 30 s ago", .rolledBack),
            ("answers up to 12 s late behind a download", .download(12)),
            ("answers up to 20 s late behind a download", .download(20)), ("HTTP/1.1: six connections, handlers of 2 s", .queue),
        ]
        for (name, trouble) in troubles {
            let rare = EverydayHonest(wanted: self.isShort ? 4000 : 100_000, trouble: trouble)
            Report.row("guard, paranoid", name, rare.run { GuardServer(settings: paranoid, seed: $0) })
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
