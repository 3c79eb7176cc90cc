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

    struct Shown: Sendable, Hashable {
        var number: UInt64
        var firstAt: Timestamp
        /// The last time at which it can still arrive from the jar; `nil` while it may be the jar's value.
        var lastPossibleAt: Timestamp?
    }

    struct Left: Sendable, Hashable {
        var generation: UInt32
        /// When the first value of the next one arrived.
        var at: Timestamp
        /// When its last value was given.
        var sentAt: Timestamp
        /// The value at which the jar had settled.
        var settled: UInt64?
    }

    /// How many values of one generation are told apart before the jar has settled; others are served and prove nothing.
    static let maximumShown = 16
    /// How many generations that were left are remembered, for requests that were held back on their way to the rule.
    static let maximumLeft = 16

    /// The generation of the value shown last.
    package private(set) var generation: UInt32
    /// When it was shown first.
    package private(set) var beganAt: Timestamp
    /// When a value of this generation was last given.
    private(set) var sentAt: Timestamp
    /// When a value of the next generation was last given, rounded up; `nil` when none was.
    private(set) var nextSentAt: Timestamp?
    /// The value at which the jar has settled; `nil` until it is shown after all others can have arrived.
    private(set) var settled: UInt64?
    private(set) var shown: [Shown]
    private(set) var left: [Left]

    /// Begins a chain whose first value goes out now.
    package init(at now: Timestamp) {
        self.generation = 0
        self.beganAt = now
        self.sentAt = now
        self.nextSentAt = nil
        self.settled = nil
        self.shown = []
        self.left = []
    }

    /// Goes on after a value of the session whose chain cannot be read any more.
    ///
    /// Its tag proves that the value was given, and nothing tells when: the generation begins anew, and what is under way with an older one
    /// counts as late.
    package init(resumingAt value: Value, at now: Timestamp) {
        self.init(at: now)
        self.generation = value.generation
        self.shown = [Shown(number: value.number, firstAt: now, lastPossibleAt: nil)]
        if value.generation > 0 { self.left = [Left(generation: value.generation - 1, at: now, sentAt: now, settled: nil)] }
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
    private static func settling(_ sentAt: Timestamp, _ bounds: Bounds) -> Timestamp { sentAt.advanced(by: bounds.delay * 2) }

    private func verdict(onOld value: Value, at now: Timestamp, _ bounds: Bounds) -> Verdict {
        let own = self.left.first { $0.generation == value.generation }
        // One that is forgotten was left before the oldest that is remembered.
        guard let left = own ?? self.left.first, now <= left.at.advanced(by: bounds.delay) else { return .reuse }
        if let settled = own?.settled, settled != value.number, Self.settling(left.sentAt, bounds) < now { return .reuse }
        return .late
    }

    private mutating func move(to value: Value, at now: Timestamp, _ bounds: Bounds) {
        self.left.removeAll { $0.at.advanced(by: bounds.delay + bounds.hold) < now }
        if self.left.count == Self.maximumLeft { self.left.removeFirst() }
        self.left.append(Left(generation: self.generation, at: now, sentAt: self.sentAt, settled: self.settled))
        self.generation = value.generation
        self.beganAt = now
        self.sentAt = self.nextSentAt ?? now
        self.nextSentAt = nil
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

    /// Whether a response gives a value of the next generation, and takes note of it.
    ///
    /// Only to a request that shows the settled value and arrived after the jar had settled: then no response with an older value can arrive
    /// after the new one, and nobody is given one before it can be told whose value is the jar's.
    ///
    /// - Parameters:
    ///   - value: What the request showed; its verdict was ``Verdict/current``.
    ///   - arrivedAt: When the request arrived.
    ///   - now: When the response goes out.
    ///   - bounds: The bounds.
    ///   - isHastened: Whether it is to be given as soon as it can do no harm, before the value is old enough.
    package mutating func gives(
        to value: Value,
        arrivedAt: Timestamp,
        at now: Timestamp,
        _ bounds: Bounds,
        isHastened: Bool = false
    ) -> Bool {
        guard value.generation == self.generation, self.settled == value.number, Self.settling(self.sentAt, bounds) < arrivedAt
        else { return false }
        let age = isHastened ? bounds.delay * 2 : max(bounds.timeout, bounds.delay * 2)
        guard now >= self.beganAt.advanced(by: age) else { return false }
        self.noteGiving(at: now, bounds)
        return true
    }

    /// The same, as soon as no late response can do harm; for remembered logins, whose values are shown once at a time and say when they were
    /// given.
    package mutating func givesAtOnce(to value: Value, at now: Timestamp, _ bounds: Bounds) -> Bool {
        let isCurrent = self.settled == value.number || self.shown.contains { $0.number == value.number && $0.lastPossibleAt == nil }
        guard value.generation == self.generation, isCurrent, now >= self.sentAt.advanced(by: bounds.delay) else { return false }
        self.noteGiving(at: now, bounds)
        return true
    }

    /// Notes the time in steps of D / 8, ahead: a burst of responses costs few commits, and a later time errs on the safe side.
    private mutating func noteGiving(at now: Timestamp, _ bounds: Bounds) {
        if self.nextSentAt.map({ $0 < now }) ?? true { self.nextSentAt = now.roundedUp(toMultipleOf: bounds.delay / 8) }
    }
}

extension Timestamp {
    fileprivate func roundedUp(toMultipleOf step: Duration) -> Timestamp {
        let step = max(1, step.wholeNanoseconds)
        let rest = self.nanosecondsSinceEpoch % step
        return rest == 0 ? self : self.advanced(by: .nanoseconds(step - rest))
    }
}

// The binary form, a part of a session record.

extension RotationChain {
    /// The version that this code writes; a chain of another one is not read.
    fileprivate static let formatVersion: UInt8 = 2

    fileprivate func write(to writer: inout RecordWriter) {
        writer.byte(Self.formatVersion)
        writer.integer(UInt64(self.generation))
        writer.integer(self.beganAt.nanosecondsSinceEpoch)
        writer.integer(self.sentAt.nanosecondsSinceEpoch)
        writer.optionalTimestamp(self.nextSentAt)
        writer.optionalInteger(self.settled)
        writer.byte(UInt8(self.shown.count))
        for shown in self.shown {
            writer.integer(shown.number)
            writer.integer(shown.firstAt.nanosecondsSinceEpoch)
            writer.optionalTimestamp(shown.lastPossibleAt)
        }
        writer.byte(UInt8(self.left.count))
        for left in self.left {
            writer.integer(UInt64(left.generation))
            writer.integer(left.at.nanosecondsSinceEpoch)
            writer.integer(left.sentAt.nanosecondsSinceEpoch)
            writer.optionalInteger(left.settled)
        }
    }

    /// Reads what ``write(to:)`` wrote; `nil` for anything else.
    fileprivate init?(reading reader: inout RecordReader) {
        guard reader.byte() == Self.formatVersion, let generation = reader.generation(), let beganAt = reader.timestamp(),
            let sentAt = reader.timestamp(), let nextSentAt = reader.optionalTimestamp(), let settled = reader.optionalInteger(),
            let shownCount = reader.byte(), Int(shownCount) <= Self.maximumShown
        else { return nil }
        self.init(at: beganAt)
        self.generation = generation
        self.sentAt = sentAt
        self.nextSentAt = nextSentAt
        self.settled = settled
        for _ in 0..<shownCount {
            guard let number = reader.integer(), let firstAt = reader.timestamp(), let last = reader.optionalTimestamp() else { return nil }
            self.shown.append(Shown(number: number, firstAt: firstAt, lastPossibleAt: last))
        }
        guard let leftCount = reader.byte(), Int(leftCount) <= Self.maximumLeft else { return nil }
        for _ in 0..<leftCount {
            guard let generation = reader.generation(), let at = reader.timestamp(), let sentAt = reader.timestamp(),
                let settled = reader.optionalInteger()
            else { return nil }
            self.left.append(Left(generation: generation, at: at, sentAt: sentAt, settled: settled))
        }
    }
}

extension RecordWriter {
    mutating func chain(_ chain: RotationChain) { chain.write(to: &self) }

    fileprivate mutating func optionalInteger(_ value: UInt64?) {
        self.byte(value == nil ? 0 : 1)
        self.integer(value ?? 0)
    }
}

extension RecordReader {
    mutating func chain() -> RotationChain? { RotationChain(reading: &self) }

    fileprivate mutating func optionalInteger() -> UInt64?? {
        guard let presence = self.byte(), presence <= 1, let value = self.integer() else { return nil }
        return .some(presence == 1 ? value : nil)
    }

    fileprivate mutating func generation() -> UInt32? { self.integer().flatMap { UInt32(exactly: $0) } }
}
