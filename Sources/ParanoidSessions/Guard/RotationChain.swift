/// What is remembered of the values that a session's owner is given one after the other, and the rule that tells a copied jar (pure).
///
/// A value is a generation and a number of its own. Every response that gives one gives a different one, so two holders of a copied jar go
/// separate ways at the next rotation. A new value counts from when it is shown; until then the one shown last stays good, however long the
/// client was away: no lost response locks anybody out.
///
/// The rule assumes three things: a jar holds one value at a time, it is given each value at most once, and no request or response is under
/// way for longer than a bound D. For a generation whose last value was given at S, it follows:
/// - After S + D no value of the generation can reach the jar any more. After S + 2 D every request that arrives shows the same value: the
///   jar has settled.
/// - The rule gives values of the next generation after S + 2 D only, to requests that show the settled value. So no value of this
///   generation comes back once the jar has one of the next.
///
/// A single jar cannot show the following, whatever the network does, so each is proof that two parties hold the chain:
/// - a value of an older generation, later than D after the first of the newer one was shown;
/// - after S + 2 D, another value than the settled one;
/// - before, a value later than D after the first show of another one that was itself shown more than D after it.
///
/// A second holder gains nothing by waiting for the right moment: to be given the value after the next one they have to show theirs after
/// S + 2 D, and so has the owner.
///
/// Times of shows are those at which requests arrived. Values that were given and never shown need no memory, as a keyed tag proves them.
package struct RotationChain: Sendable, Hashable {
    /// A value: where it stands in the chain.
    package struct Value: Sendable, Hashable {
        /// Counts the rotations that the client has taken note of.
        package var generation: UInt32
        /// Tells the values of one generation apart.
        package var number: UInt64

        /// Creates a value.
        package init(generation: UInt32, number: UInt64) {
            self.generation = generation
            self.number = number
        }
    }

    /// The bounds of the rule.
    package struct Bounds: Sendable, Hashable {
        /// The longest time that a request or a response is under way.
        package var delay: Duration
        /// The age at which values are replaced; never less than twice the delay.
        package var timeout: Duration
        /// For how long a request may be held back on its way to the rule, see ``GuardSettings/arrivalBound``.
        package var hold: Duration

        /// Creates bounds.
        package init(delay: Duration, timeout: Duration, hold: Duration = .seconds(120)) {
            self.delay = delay
            self.timeout = timeout
            self.hold = hold
        }
    }

    /// What a shown value means.
    package enum Verdict: Sendable, Hashable {
        /// It may be the jar's value now.
        case current
        /// It was the jar's value when the request was sent; the request is served and told nothing new.
        case late
        /// No single jar can show it now: two parties hold the chain.
        case reuse
    }

    /// A value of the present generation that was shown.
    package struct Shown: Sendable, Hashable {
        package var number: UInt64
        package var firstAt: Timestamp
        /// The last time at which it can still arrive from the jar; `nil` while it may be the jar's value.
        package var lastPossibleAt: Timestamp?
    }

    /// A generation that the jar has left.
    package struct Left: Sendable, Hashable {
        package var generation: UInt32
        /// When the first value of the next one arrived.
        package var at: Timestamp
        /// When its last value was given.
        package var sentAt: Timestamp
        /// The value at which the jar had settled.
        package var settled: UInt64?
    }

    /// The rounds in which values of the next generation were given and none was shown.
    package struct Rounds: Sendable, Hashable {
        /// How many have begun, each more than 2 D after the one before.
        package var count: UInt8 = 0
        /// When the last one began.
        package var lastAt: Timestamp?
        /// When a value was first due with a response that is no occasion for one; such responses give none for 2 D.
        package var postponedAt: Timestamp?
    }

    /// How many values of one generation are told apart before the jar has settled; others are served and prove nothing.
    static let maximumShown = 16
    /// So many rounds that came to nothing are no accident: honest browsers had two of them at most in three million requests.
    static let tooManyRounds = 5
    /// How many generations that were left are remembered, for requests that were held back on their way to the rule.
    static let maximumLeft = 16

    // The state is open to the package for the simulator that searches all of it.

    /// The generation of the value shown last.
    package var generation: UInt32
    /// When it was shown first.
    package var beganAt: Timestamp
    /// When a value of this generation was last given.
    package var sentAt: Timestamp
    /// When a value of the next generation was last given, rounded up; `nil` when none was.
    package var nextSentAt: Timestamp?
    /// The value at which the jar has settled; `nil` until it is shown after all others can have arrived.
    package var settled: UInt64?
    /// The values of this generation that were shown.
    package var shown: [Shown] = []
    /// The generations that were left lately.
    package var left: [Left] = []
    /// When the youngest of the generations that are not remembered any more was left; `nil` while all are.
    package var forgottenAt: Timestamp?
    /// What came of the values of the next generation.
    package var rounds = Rounds()

    /// Begins a chain whose first value goes out now.
    package init(at now: Timestamp) {
        self.generation = 0
        self.beganAt = now
        self.sentAt = now
    }

    /// Goes on after a value of the session whose chain cannot be read any more.
    ///
    /// Its tag proves that the value was given, and nothing tells when: the generation begins anew, and what is under way with an older one
    /// counts as late.
    package init(resumingAt value: Value, at now: Timestamp) {
        self.init(at: now)
        self.generation = value.generation
        self.shown = [Shown(number: value.number, firstAt: now, lastPossibleAt: nil)]
        self.forgottenAt = now
    }

    // MARK: Showing

    /// Takes note of a value that a request shows.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - now: When the request arrived.
    ///   - bounds: The bounds.
    package mutating func show(_ value: Value, at now: Timestamp, _ bounds: Bounds) -> Verdict {
        if value.generation < self.generation { return self.verdict(onOld: value, at: now, bounds) }
        if value.generation > self.generation {
            self.move(to: value, at: now, bounds)
            return .current
        }
        return Self.settling(self.sentAt, bounds) < now ? self.settle(value.number) : self.showAgain(value.number, at: now, bounds)
    }

    /// After this time every request shows the one value that the jar has settled at.
    private static func settling(_ sentAt: Timestamp, _ bounds: Bounds) -> Timestamp { sentAt.advanced(by: bounds.delay + bounds.delay) }

    private func verdict(onOld value: Value, at now: Timestamp, _ bounds: Bounds) -> Verdict {
        guard let left = self.left.first(where: { $0.generation == value.generation }) else {
            // Not later than the oldest that is remembered: who waits for the owner's next move with an old value is found.
            return self.forgottenAt.map { now <= $0.advanced(by: bounds.delay) } ?? false ? .late : .reuse
        }
        guard now <= left.at.advanced(by: bounds.delay) else { return .reuse }
        if let settled = left.settled, settled != value.number, Self.settling(left.sentAt, bounds) < now { return .reuse }
        return .late
    }

    private mutating func move(to value: Value, at now: Timestamp, _ bounds: Bounds) {
        while let oldest = self.left.first,
            self.left.count == Self.maximumLeft || oldest.at.advanced(by: bounds.delay + bounds.hold) < now
        {
            self.forgottenAt = oldest.at
            self.left.removeFirst()
        }
        self.left.append(Left(generation: self.generation, at: now, sentAt: self.sentAt, settled: self.settled))
        self.generation = value.generation
        self.beganAt = now
        self.sentAt = self.nextSentAt ?? now
        self.nextSentAt = nil
        self.rounds = Rounds()
        // Shown long after it was given: the jar has settled already.
        self.settled = Self.settling(self.sentAt, bounds) < now ? value.number : nil
        self.shown = [Shown(number: value.number, firstAt: now, lastPossibleAt: nil)]
    }

    private mutating func settle(_ number: UInt64) -> Verdict {
        if let settled { return settled == number ? .current : .reuse }
        let mine = self.shown.first { $0.number == number }
        // Another one took its place while answers were still under way, and it cannot have come back.
        if mine?.lastPossibleAt != nil { return .reuse }
        self.settled = number
        self.shown = mine.map { [$0] } ?? []
        return .current
    }

    private mutating func showAgain(_ number: UInt64, at now: Timestamp, _ bounds: Bounds) -> Verdict {
        if let settled { return settled == number ? .current : .late }
        let known = self.shown.firstIndex { $0.number == number }
        if known == nil {
            // A full list proves nothing.
            guard self.shown.count < Self.maximumShown else { return .late }
            self.shown.append(Shown(number: number, firstAt: now, lastPossibleAt: nil))
        }
        let mine = known ?? self.shown.count - 1
        if let last = self.shown[mine].lastPossibleAt, last < now { return .reuse }
        // Whatever was in the jar long before this one came has left it.
        let end = self.shown[mine].firstAt.advanced(by: bounds.delay)
        for index in self.shown.indices where index != mine && self.shown[index].firstAt.advanced(by: bounds.delay) < now {
            self.shown[index].lastPossibleAt = min(self.shown[index].lastPossibleAt ?? end, end)
        }
        return self.shown[mine].lastPossibleAt == nil ? .current : .late
    }

    // MARK: Giving

    /// What the rule has to know of a request that was served, to work out what its response does.
    package struct Exchange: Sendable {
        /// What the request showed.
        package var value: Value
        /// When it arrived.
        package var arrivedAt: Timestamp
        /// Whether it was late on arrival: it is told nothing new.
        package var isLate: Bool
        /// Whether values are to be given as soon as they can do no harm, before those of the jar are old enough.
        package var isHastened: Bool

        /// Describes a request.
        package init(_ value: Value, arrivedAt: Timestamp, isLate: Bool, isHastened: Bool = false) {
            self.value = value
            self.arrivedAt = arrivedAt
            self.isLate = isLate
            self.isHastened = isHastened
        }
    }

    /// Takes note of a request that was served, as its response is made.
    ///
    /// The request was judged when it arrived: what others have shown since then is no reason to convict it.
    ///
    /// - Parameters:
    ///   - exchange: The request.
    ///   - now: When the response is made.
    ///   - bounds: The bounds.
    ///   - isOccasion: Whether the response is a good occasion: not one for a picture, and not one that is fetched ahead of time. Asked only
    ///     when a value is due.
    /// - Returns: Whether the response gives a value of the next generation.
    package mutating func complete(
        _ exchange: Exchange,
        at now: Timestamp,
        _ bounds: Bounds,
        isOccasion: () -> Bool = { true }
    ) -> Bool {
        var after = self
        let verdict = after.show(exchange.value, at: exchange.arrivedAt, bounds)
        if verdict == .reuse { return false }
        self = after
        guard verdict == .current, !exchange.isLate else { return false }
        return self.gives(exchange, at: now, bounds, isOccasion)
    }

    /// Whether completing an exchange would change nothing and give nothing: so it is with nearly every request, and finding that out takes
    /// no copy of the chain.
    ///
    /// Says `false` where in doubt. Where it says `true`, neither ``recall(at:_:)`` nor ``complete(_:at:_:isOccasion:)`` does anything.
    func rests(at exchange: Exchange, completedAt now: Timestamp, _ bounds: Bounds) -> Bool {
        guard exchange.value.generation == self.generation, self.latestTime <= now else { return false }
        if Self.settling(self.sentAt, bounds) < exchange.arrivedAt {
            guard self.settled == exchange.value.number else { return false }
            let age = exchange.isHastened ? bounds.delay + bounds.delay : max(bounds.timeout, bounds.delay + bounds.delay)
            return exchange.isLate || now < self.sentAt.advanced(by: age)
        }
        if let settled { return settled == exchange.value.number }
        return self.shown.count == 1 && self.shown[0].number == exchange.value.number && self.shown[0].lastPossibleAt == nil
    }

    /// Whether a response gives a value of the next generation, and takes note of it.
    ///
    /// Only to a request that shows the settled value and arrived after the jar had settled: then no response with an older value can arrive
    /// after the new one, and nobody is given one before it can be told whose value is the jar's.
    private mutating func gives(_ exchange: Exchange, at now: Timestamp, _ bounds: Bounds, _ isOccasion: () -> Bool) -> Bool {
        guard self.settled == exchange.value.number, Self.settling(self.sentAt, bounds) < exchange.arrivedAt else { return false }
        let settling = bounds.delay + bounds.delay
        let age = exchange.isHastened ? settling : max(bounds.timeout, settling)
        // Of the values in the jar, not of their first show: one that is shown as late as its cookie allows is replaced at once.
        guard now >= self.sentAt.advanced(by: age) else { return false }
        if !isOccasion() {
            // The client says so, which protects nothing: after 2 D every response is good enough.
            guard let since = self.rounds.postponedAt else {
                self.rounds.postponedAt = now
                return false
            }
            guard Self.settling(since, bounds) < exchange.arrivedAt else { return false }
        }
        self.noteGiving(at: now, bounds)
        if self.rounds.lastAt.map({ Self.settling($0, bounds) < exchange.arrivedAt }) ?? true {
            self.rounds.count = min(self.rounds.count, .max - 1) + 1
            self.rounds.lastAt = now
        }
        return true
    }

    /// How many rounds of giving have come to nothing by the time at which a request arrives that shows none of their values.
    ///
    /// A round has, once its responses and the request after them have had the time to arrive.
    package func roundsInVain(at arrivedAt: Timestamp, _ bounds: Bounds) -> Int {
        let isOver = self.rounds.lastAt.map { Self.settling($0, bounds) < arrivedAt } ?? false
        return Int(self.rounds.count) - (isOver || self.rounds.count == 0 ? 0 : 1)
    }

    /// Whether a response gives a value of the next generation as soon as no late response can do harm; for remembered logins, whose values
    /// are shown once at a time and say when they were given.
    package mutating func givesAtOnce(to value: Value, at now: Timestamp, _ bounds: Bounds) -> Bool {
        let isCurrent = self.settled == value.number || self.shown.contains { $0.number == value.number && $0.lastPossibleAt == nil }
        guard value.generation == self.generation, isCurrent, now >= self.sentAt.advanced(by: bounds.delay) else { return false }
        self.noteGiving(at: now, bounds)
        return true
    }

    /// Notes the time in steps of D / 8, ahead: a burst of responses costs few commits, and a later time errs on the safe side.
    private mutating func noteGiving(at now: Timestamp, _ bounds: Bounds) {
        if self.nextSentAt.map({ $0 < now }) ?? true { self.nextSentAt = now.roundedUp(toMultipleOf: bounds.delay.divided(by: 8)) }
    }

    // MARK: Clocks

    /// Takes back times that lie in the future, as a clock was ahead when they were noted, or was set back since.
    ///
    /// They count as now: a session neither waits for its old future nor is a request that is under way taken for a thief's. Only times that
    /// the rule itself notes ahead may be a little later.
    package mutating func recall(at now: Timestamp, _ bounds: Bounds) {
        let latest = now.advanced(by: bounds.delay.divided(by: 8))
        guard self.latestTime > latest else { return }
        self.beganAt = min(self.beganAt, latest)
        self.sentAt = min(self.sentAt, latest)
        self.nextSentAt = self.nextSentAt.map { min($0, latest) }
        for index in self.shown.indices {
            self.shown[index].firstAt = min(self.shown[index].firstAt, latest)
            self.shown[index].lastPossibleAt = self.shown[index].lastPossibleAt.map { min($0, latest.advanced(by: bounds.delay)) }
        }
        for index in self.left.indices {
            self.left[index].at = min(self.left[index].at, latest)
            self.left[index].sentAt = min(self.left[index].sentAt, latest)
        }
        self.forgottenAt = self.forgottenAt.map { min($0, latest) }
        self.rounds.lastAt = self.rounds.lastAt.map { min($0, latest) }
        self.rounds.postponedAt = self.rounds.postponedAt.map { min($0, latest) }
    }

    private var latestTime: Timestamp {
        var latest = max(self.beganAt, self.sentAt, self.nextSentAt ?? self.sentAt, self.forgottenAt ?? self.sentAt)
        latest = max(latest, self.rounds.lastAt ?? latest, self.rounds.postponedAt ?? latest)
        for shown in self.shown { latest = max(latest, shown.firstAt) }
        for left in self.left { latest = max(latest, left.at, left.sentAt) }
        return latest
    }
}

extension Timestamp {
    fileprivate func roundedUp(toMultipleOf step: Duration) -> Timestamp {
        let step = max(1, step.wholeNanoseconds)
        let rest = self.nanosecondsSinceEpoch % step
        return rest == 0 ? self : self.advanced(by: .nanoseconds(step - rest))
    }
}
