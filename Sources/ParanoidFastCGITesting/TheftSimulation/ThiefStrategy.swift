/// What the holder of a copied jar tries, against an owner whose page asks again and again.
package enum ThiefStrategy: Sendable, Hashable {
    /// Asks every so many seconds and takes cookies.
    case pace(Double)
    /// Watches which responses set cookies, and shows the next value in the middle of the owner's gap.
    case inStep
    /// The same, as late before the owner's request and for as long after it as goes.
    case atTheEdge
    /// Lets requests that arrived in time end 13 s later, when the next value is due.
    case holdsOpen
    /// Asks every so many seconds with the copied jar and takes no cookie.
    case discards(Double)
    /// Asks and takes cookies while the owner is away for half an hour.
    case whileAway
    /// The same, and takes no cookie.
    case whileAwayDiscarding
    /// Asks from another network, with all the fields of the owner's browser, says that nothing is for data, and takes no cookie.
    case otherNetwork(Double)

    package static let all: [ThiefStrategy] = [
        .pace(0.3), .pace(2), .pace(20), .inStep, .atTheEdge, .holdsOpen, .discards(2), .whileAway, .whileAwayDiscarding, .otherNetwork(2),
    ]

    /// For a table.
    package var text: String {
        switch self {
        case .pace(let seconds): "asks every \(seconds) s"
        case .inStep: "keeps in step"
        case .atTheEdge: "keeps in step, at the edge"
        case .holdsOpen: "holds requests open for 13 s"
        case .discards(let seconds): "asks every \(seconds) s, discards every cookie"
        case .whileAway: "only while the owner is away"
        case .whileAwayDiscarding: "only while the owner is away, discards every cookie"
        case .otherNetwork(let seconds): "asks every \(seconds) s from another network, for pictures, discards every cookie"
        }
    }

    fileprivate var takesCookies: Bool {
        switch self {
        case .discards, .whileAwayDiscarding, .otherNetwork: false
        case .pace, .inStep, .atTheEdge, .holdsOpen, .whileAway: true
        }
    }

    /// When the owner comes back.
    fileprivate var ownersAbsence: Double {
        switch self {
        case .whileAway, .whileAwayDiscarding: 1800
        default: 0
        }
    }
}

/// One thief and one owner, for eight hours.
package struct ThiefTrial {
    package var strategy: ThiefStrategy
    /// The mean seconds between the owner's requests.
    package var period: Double
    package var isRegular: Bool
    package var hours = 8.0

    package init(_ strategy: ThiefStrategy, period: Double, isRegular: Bool) {
        self.strategy = strategy
        self.period = period
        self.isRegular = isRegular
    }

    /// What became of both.
    package struct Outcome: Sendable {
        /// The thief's requests that were accepted.
        package var served = 0
        /// When the last of them arrived, counted from the owner's first request after the copy; `nil`: none was accepted.
        package var lastServedAt: Double?
        /// When the theft was proven, counted in the same way.
        package var provenAt: Double?
        /// When the thief was refused first, counted in the same way.
        package var refusedAt: Double?
        /// Whether the thief was accepted in the last half hour.
        package var isAlive = false
    }

    private enum Event {
        case owner
        case thief
        case end(GuardServer.Held)
    }

    /// Plays them.
    package func run(_ server: GuardServer, seed: UInt64) -> Outcome {
        switch self.strategy {
        case .inStep: return self.inStep(StepThief(period: self.period, jitter: self.jitter), server, seed: seed)
        case .atTheEdge:
            var thief = StepThief(period: self.period, jitter: self.jitter)
            thief.lateFor = 5.9
            thief.showsAt = 0.98
            return self.inStep(thief, server, seed: seed)
        default: return self.play(server, seed: seed)
        }
    }

    private var jitter: Double { self.isRegular ? 0 : self.period * 0.4 }

    private func inStep(_ thief: StepThief, _ server: GuardServer, seed: UInt64) -> Outcome {
        let steps = thief.run(server, seed: seed)
        var outcome = Outcome(served: steps.served)
        outcome.lastServedAt = steps.lastServedAt - self.period
        outcome.provenAt = steps.endedAt.map { $0 - self.period }
        outcome.isAlive = steps.lastServedAt > (self.hours - 0.5) * 3600
        return outcome
    }

    private func play(_ server: GuardServer, seed: UInt64) -> Outcome {
        var server = server
        var random = MixingGenerator(seed: seed)
        var queue = EventQueue<Event>()
        var owner = server.begin(at: 0)
        // The first show, so that the chain is under way; the theft follows at once.
        _ = server.show(owner, at: 0.1)
        var thief = owner
        let client = self.client
        let first = self.strategy.ownersAbsence + self.period
        var outcome = Outcome()
        queue.add(.owner, at: first)
        queue.add(.thief, at: 0.7)
        while let (time, event) = queue.next(), time <= self.hours * 3600 {
            switch event {
            case .owner:
                if let sets = server.show(owner, at: time).sets { owner = GuardServer.take(sets, into: owner) }
                let gap = self.isRegular ? self.period : self.period * random.uniform(0.3, 1.7)
                queue.add(.owner, at: time + gap)
            case .thief:
                if let next = self.next(after: time, &random) { queue.add(.thief, at: next) }
                guard let held = server.arrive(thief, at: time, begunAt: time, from: client) else {
                    outcome.refusedAt = outcome.refusedAt ?? (time - first)
                    break
                }
                outcome.served += 1
                outcome.lastServedAt = time - first
                outcome.isAlive = time > (self.hours - 0.5) * 3600
                queue.add(.end(held), at: time + (self.strategy == .holdsOpen ? 13 : 0.01))
            case .end(let held):
                if let sets = server.respond(to: held, at: time, renewing: .none), self.strategy.takesCookies {
                    thief = GuardServer.take(sets, into: thief)
                }
            }
            if server.hasEnded {
                outcome.provenAt = time - first
                break
            }
        }
        return outcome
    }

    private var client: GuardServer.Client {
        if case .otherNetwork = self.strategy { return GuardServer.Client(network: 77, isOccasion: false) }
        return GuardServer.Client(network: 0)
    }

    private func next(after time: Double, _ random: inout MixingGenerator) -> Double? {
        let pace: Double
        switch self.strategy {
        case .pace(let seconds), .discards(let seconds), .otherNetwork(let seconds): pace = seconds
        case .holdsOpen, .inStep, .atTheEdge: pace = 1
        case .whileAway, .whileAwayDiscarding:
            pace = 5
            // The owner is back: the thief waits until they are away again, which is not in these eight hours.
            if time + pace > self.strategy.ownersAbsence { return nil }
        }
        return time + pace * random.uniform(0.9, 1.1)
    }
}
