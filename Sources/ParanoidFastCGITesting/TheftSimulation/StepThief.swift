/// An owner whose page asks once every so many seconds, and a thief who watches the rotation and stays in step.
///
/// The thief sees of each response whether the request was accepted and whether cookies are set, holds the value of the next generation back,
/// shows it just before the owner's next move, and goes on with the value before for as long as that is no proof.
package struct StepThief {
    /// The seconds between the owner's requests.
    package var period: Double
    /// By how much they are irregular.
    package var jitter: Double
    package var hours = 8.0
    /// The seconds between the thief's requests.
    package var asksEvery = 0.5
    /// How long after the owner's move the thief goes on with the value before, in seconds: less than the delay bound.
    package var lateFor = 4.5
    /// How soon new values may be due after a move, as far as the thief knows, in seconds.
    package var dueAfter = 12.2
    /// When in the owner's gap the thief shows the next value first, as a part of the period.
    package var showsAt = 0.5

    package init(period: Double, jitter: Double = 0.4) {
        self.period = period
        self.jitter = jitter
    }

    /// What became of owner and thief.
    package struct Outcome: Sendable {
        /// The thief's requests that were accepted.
        package var served = 0
        package var lastServedAt = 0.0
        /// When the theft was proved.
        package var endedAt: Double?
    }

    private enum Event {
        case owner
        case thief
    }

    /// The thief's plan.
    private struct Plan<Jar> {
        var shown: Jar
        var next: Jar?
        var isWatching = true
        var wasGiven = false
        var until = 0.0
        var nextMove = 0.0
    }

    package func run<Server: SimulatedServer>(_ server: Server, seed: UInt64) -> Outcome {
        var server = server
        var random = MixingGenerator(seed: seed)
        var outcome = Outcome()
        var queue = EventQueue<Event>()
        var jar = server.begin(at: 0)
        // The first show, so that the chain is under way; the theft follows at once.
        _ = server.show(jar, at: 0.1)
        var plan = Plan(shown: jar)
        queue.add(.owner, at: self.period)
        queue.add(.thief, at: 1)
        while let (time, event) = queue.next(), time <= self.hours * 3600 {
            switch event {
            case .owner:
                let next = (time / self.period).rounded() * self.period + self.period
                queue.add(.owner, at: next + random.uniform(-self.jitter, self.jitter))
                if let sets = server.show(jar, at: time).sets { jar = Server.take(sets, into: jar) }
            case .thief:
                let (isAccepted, sets) = server.show(plan.shown, at: time)
                if isAccepted {
                    outcome.served += 1
                    outcome.lastServedAt = time
                    if let sets { plan.next = Server.take(sets, into: plan.shown) }
                    queue.add(.thief, at: self.nextRequest(&plan, isGiven: sets != nil, at: time))
                }
            }
            if server.hasEnded {
                outcome.endedAt = time
                break
            }
        }
        return outcome
    }

    private func nextRequest<Jar>(_ plan: inout Plan<Jar>, isGiven: Bool, at time: Double) -> Double {
        plan.wasGiven = plan.wasGiven || isGiven
        if plan.isWatching && (isGiven || !plan.wasGiven) { return time + 0.3 }
        if !plan.isWatching && time + self.asksEvery < plan.until { return time + self.asksEvery }
        let moved = plan.isWatching ? time : plan.nextMove
        plan.isWatching = false
        if let next = plan.next { plan.shown = next }
        let due = moved + (self.dueAfter / self.period).rounded(.up) * self.period
        plan.nextMove = due + self.period
        plan.until = plan.nextMove + self.lateFor
        return due + self.period * self.showsAt
    }
}
