import Glibc
import SessionSecurity

// Rotation against honest browsers and thieves, in virtual time: `theft-simulator [--short]`.
// The last line is `N passed, N failed`.

let isShort = CommandLine.arguments.contains("--short")
let checks = Checks()

func guardSettings(_ profile: GuardSettings.Profile) -> GuardSettings {
    var settings = GuardSettings()
    settings.profile = profile
    return settings
}

// MARK: Honest users

print("Honest browsers, 1 to 6 tabs, two hours each: who is thrown out?\n")
print("| rules | delays up to | requests | sessions | thrown out |")
print("|---|---|---|---|---|")
let wanted = isShort ? 100_000 : 1_000_000
let chain = Honest(wanted: wanted) { _ in ChainServer(delay: 6, timeout: 1) }
chain.run("branch rule alone", delay: 5)
checks.expect(chain.thrownOut == 0, "no honest user is thrown out by the rule in \(chain.requests) requests")
let paranoid = Honest(wanted: isShort ? 30_000 : 1_000_000) { GuardServer(settings: guardSettings(.paranoid), seed: $0) }
paranoid.run("guard, paranoid", delay: 5)
checks.expect(paranoid.thrownOut == 0, "no honest user is thrown out by the guard in \(paranoid.requests) requests")
let beyond = Honest(wanted: wanted / 5) { _ in ChainServer(delay: 6, timeout: 1) }
beyond.run("branch rule alone, bound broken", delay: 15)
let compatible = Honest(wanted: isShort ? 1000 : 7000) { GuardServer(settings: guardSettings(.compatible), seed: $0) }
compatible.run("guard, compatible (2009)", delay: 5)
checks.expect(compatible.thrownOut > 0, "the simulated network is bad enough to throw out users of the rules of 2009")

// MARK: Thieves

print("\nThe whole jar copied, perfect network: how long do two share it?\n")
print("| rules | thief | ended | median s | p90 s | worst s | owner's requests (median) | thief's answers (median) |")
print("|---|---|---|---|---|---|---|---|")
let thieves: [(String, Simulation<ChainServer>.Thief, Double)] = [
    ("asks every 0.3 s", .init(waits: 0.1, asksEvery: 0.3), 20), ("asks every 2 s", .init(waits: 1, asksEvery: 2), 25),
    ("asks every 20 s", .init(waits: 5, asksEvery: 20), 60), ("waits 10 minutes", .init(waits: 600, asksEvery: 5), 5),
]
for (name, thief, limit) in thieves {
    let runs = Thefts(sessions: isShort ? 60 : 300, waits: thief.waits, asksEvery: thief.asksEvery)
    let figures = runs.run("guard, paranoid", name) { GuardServer(settings: guardSettings(.paranoid), seed: $0) }
    checks.expect(figures.ended >= figures.shared, "whoever shares a jar with its owner is found (\(name))")
    checks.expect(figures.median <= limit, "a thief who \(name) is found within \(limit) s in half of all cases: \(figures.median)")
}
_ = Thefts(sessions: isShort ? 60 : 300, waits: 1, asksEvery: 2).run("guard, compatible (2009)", "asks every 2 s") {
    GuardServer(settings: guardSettings(.compatible), seed: $0)
}

exit(checks.close())
