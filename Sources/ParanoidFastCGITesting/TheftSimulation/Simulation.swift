/// One session of two hours: an owner with tabs and one jar, a network that delays, loses and repeats, and perhaps a thief.
package struct Simulation<Server: SimulatedServer> {
    /// How the network behaves.
    package struct Network: Sendable {
        /// The longest delay each way, in seconds.
        package var longestDelay: Double
        package var lostResponses: Double
        package var repeatedRequests: Double

        package init(longestDelay: Double = 5, lostResponses: Double = 0.04, repeatedRequests: Double = 0.01) {
            self.longestDelay = longestDelay
            self.lostResponses = lostResponses
            self.repeatedRequests = repeatedRequests
        }

        package static var perfect: Network { Network(longestDelay: 0.3, lostResponses: 0, repeatedRequests: 0) }
    }

    /// A thief who copies the whole jar.
    package struct Thief: Sendable {
        package var stealsAt = 120.0
        package var waits: Double
        package var asksEvery: Double

        package init(waits: Double, asksEvery: Double) {
            self.waits = waits
            self.asksEvery = asksEvery
        }
    }

    package struct Outcome: Sendable {
        package var requests = 0
        /// The owner's requests that were not accepted.
        package var refusals = 0
        /// When the session ended.
        package var endedAt: Double?
        /// The seconds from when both owner and thief had been active to the end.
        package var sharedFor: Double?
        /// The owner's requests meanwhile.
        package var ownerRequests = 0
        package var thiefAnswers = 0
    }

    private enum Event {
        case send(isOwner: Bool)
        case arrive(isOwner: Bool, Server.Jar)
        case set(isOwner: Bool, Server.Jar)
        case steal
    }

    private var server: Server
    private var random: MixingGenerator
    private let network: Network
    private let thief: Thief?
    private let tabs: Int
    private let seconds: Double
    private var queue = EventQueue<Event>()
    private var jars: [Bool: Server.Jar] = [:]
    private var outcome = Outcome()
    private var thiefIsActive = false
    private var bothActiveSince: Double?

    package init(_ server: Server, seed: UInt64, tabs: Int, seconds: Double, network: Network = Network(), thief: Thief? = nil) {
        self.server = server
        self.random = MixingGenerator(seed: seed)
        self.tabs = tabs
        self.seconds = seconds
        self.network = network
        self.thief = thief
    }

    package mutating func run() -> Outcome {
        self.jars[true] = self.server.begin(at: 0)
        for _ in 0..<self.tabs { self.queue.add(.send(isOwner: true), at: self.random.uniform(0, 2)) }
        if let thief = self.thief { self.queue.add(.steal, at: thief.stealsAt) }
        while let (time, event) = self.queue.next(), time <= self.seconds, self.outcome.endedAt == nil {
            self.play(event, at: time)
        }
        return self.outcome
    }

    private mutating func play(_ event: Event, at time: Double) {
        switch event {
        case .steal:
            guard let jar = self.jars[true], let thief = self.thief else { return }
            self.jars[false] = jar
            self.queue.add(.send(isOwner: false), at: time + thief.waits)
        case .set(let isOwner, let jar): self.jars[isOwner] = self.jars[isOwner].map { Server.take(jar, into: $0) }
        case .send(let isOwner): self.send(isOwner, at: time)
        case .arrive(let isOwner, let jar): self.arrive(isOwner, jar, at: time)
        }
    }

    private mutating func delay(_ isOwner: Bool) -> Double {
        min(isOwner ? self.network.longestDelay : 0.2, self.random.logNormal(mean: -2.7, deviation: 1.3))
    }

    private mutating func send(_ isOwner: Bool, at time: Double) {
        guard let jar = self.jars[isOwner] else { return }
        let burst = isOwner && self.random.chance(0.25) ? 4 : 1
        for _ in 0..<burst { self.queue.add(.arrive(isOwner: isOwner, jar), at: time + self.delay(isOwner)) }
        var pause: Double
        if isOwner {
            let pauses = [0.05, 0.3, 1, 3, 8, 8, 30]
            pause = pauses[Int(self.random.next() % UInt64(pauses.count))] * self.random.uniform(0.5, 1.5)
            if self.random.chance(0.02) { pause += self.random.uniform(60, 3600) }
        } else {
            pause = (self.thief?.asksEvery ?? 1) * self.random.uniform(0.9, 1.1)
        }
        self.queue.add(.send(isOwner: isOwner), at: time + pause)
    }

    private mutating func arrive(_ isOwner: Bool, _ jar: Server.Jar, at time: Double) {
        self.outcome.requests += 1
        let (isAccepted, new) = self.server.show(jar, at: time)
        if isOwner && !isAccepted { self.outcome.refusals += 1 }
        if isOwner, self.thiefIsActive {
            if self.bothActiveSince == nil { self.bothActiveSince = time }
            self.outcome.ownerRequests += 1
        }
        if !isOwner {
            self.thiefIsActive = true
            if isAccepted && self.bothActiveSince != nil { self.outcome.thiefAnswers += 1 }
        }
        if self.server.hasEnded {
            self.outcome.endedAt = time
            self.outcome.sharedFor = self.bothActiveSince.map { time - $0 }
            return
        }
        if isOwner, self.random.chance(self.network.repeatedRequests) {
            // The web server asks again; the first answer is lost.
            self.queue.add(.arrive(isOwner: true, jar), at: time + self.delay(true))
        } else if let new, !(isOwner && self.random.chance(self.network.lostResponses)) {
            self.queue.add(.set(isOwner: isOwner, new), at: time + self.delay(isOwner))
        }
    }
}
