internal import ParanoidFastCGITesting

/// The search over every thief there is, for one owner after the other.
struct EveryThiefTrial {
    let isShort: Bool
    /// The one world to be looked at; `nil`: those of the table.
    private var only: Grain?

    init(isShort: Bool, only: [Int]? = nil) {
        self.isShort = isShort
        guard let only, only.count >= 4 else { return }
        self.only = Grain(delay: only[0], values: only[1], hold: only[2], owners: [only[3...].map { Ask($0) }])
    }

    private typealias Ask = EveryThief.Ask

    /// So many steps each make D.
    private struct Grain {
        var delay: Int
        var values: Int
        var hold: Int
        var owners: [[Ask]]

        var isHolding: Bool { self.hold > 0 }
        /// The seconds of a step, for D = 6 s.
        var seconds: Double { 6 / Double(self.delay) }
    }

    private var grains: [Grain] {
        if let only { return [only] }
        let uneven = [[Ask(3), Ask(5, isAnswered: false)], [Ask(1), Ask(1), Ask(14)]]
        if self.isShort {
            return [
                Grain(delay: 4, values: 2, hold: 0, owners: Self.regular([1, 2, 3, 5, 7, 9, 20, 30]) + uneven),
                Grain(delay: 4, values: 1, hold: 4, owners: Self.regular([1, 3, 9])),
            ]
        }
        return [
            Grain(
                delay: 4,
                values: 3,
                hold: 0,
                owners: Self.regular([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 32, 40, 90]) + uneven
            ),
            Grain(delay: 8, values: 2, hold: 0, owners: Self.regular([1, 3, 5, 7, 10, 13, 17, 20, 40]) + uneven),
            Grain(delay: 4, values: 1, hold: 8, owners: Self.regular([1, 3])),
        ]
    }

    private static func regular(_ gaps: [Int]) -> [[Ask]] { gaps.map { [Ask($0)] } }

    func run(_ checks: inout CheckList) {
        // The search finds those who do survive: an owner who takes no cookie proves nothing.
        let deaf = EveryThief(delay: 4, values: 2, hold: 0, owner: [Ask(3, isAnswered: false)]).run()
        checks.expect(deaf.survives, "a thief survives beside an owner who takes no cookie: \(deaf)")
        print(Report.everyHead)
        for grain in self.grains {
            for owner in grain.owners {
                let figures = EveryThief(delay: grain.delay, values: grain.values, hold: grain.hold, owner: owner).run()
                let gaps = owner.map { Double($0.gap) * grain.seconds }
                let bound = max(60, 4 * (gaps.max() ?? 0)) + (grain.isHolding ? Double(grain.hold) * grain.seconds : 0)
                let last = Double(figures.lastServed) * grain.seconds
                Report.everyRow(grain.seconds, grain.values, Double(grain.hold) * grain.seconds, owner, figures)
                checks.expect(!figures.isCut, "all worlds are looked at: \(owner)")
                checks.expect(!figures.survives, "no thief survives: \(owner)")
                checks.expect(last <= bound, "every thief is served at \(last) s for the last time, by \(bound) s: \(owner)")
            }
        }
    }
}
