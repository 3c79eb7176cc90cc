/// What is remembered of the values that a session's owner is given one after the other, and the rule that tells a copied jar (pure).
///
/// A value is a generation and a number of its own. Every answer that gives one gives a different one, so two holders of a copied jar go
/// separate ways at the next rotation. A new value counts from when it is shown; until then the one shown last stays good, however long the
/// client was away: no lost response locks anybody out.
///
/// From two things alone, that a jar holds one value at a time and is given each at most once, and that no request or response is under
/// way for longer than a bound D, follows what a single jar cannot show; whoever shows it is one of two:
/// - a value of an older generation, later than D after the first of the newer one was shown;
/// - a value of this generation, later than D after the first show of another one that was itself shown more than D after it.
///
/// Which values were given but never shown need not be remembered, as a keyed tag proves them.
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

        /// Creates bounds.
        package init(delay: Duration, timeout: Duration) {
            self.delay = delay
            self.timeout = timeout
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
        var at: Timestamp
    }

    /// More values of one generation than a jar can hold within 2 D of spaced rotations.
    static let maximumShown = 16

    /// The generation of the value shown last.
    package internal(set) var generation: UInt32
    /// When it was shown first.
    package internal(set) var beganAt: Timestamp
    /// When a value of this generation was last given.
    var sentAt: Timestamp
    /// When a value of the next generation was last given, rounded up; `nil` when none was.
    var nextSentAt: Timestamp?
    var shown: [Shown]
    var left: [Left]

    /// Begins a chain whose first value goes out now.
    package init(at now: Timestamp) {
        self.generation = 0
        self.beganAt = now
        self.sentAt = now
        self.nextSentAt = nil
        self.shown = []
        self.left = []
    }

    init(generation: UInt32, beganAt: Timestamp, sentAt: Timestamp, nextSentAt: Timestamp?, shown: [Shown], left: [Left]) {
        self.generation = generation
        self.beganAt = beganAt
        self.sentAt = sentAt
        self.nextSentAt = nextSentAt
        self.shown = shown
        self.left = left
    }

    // MARK: Showing

    /// Takes note of a value that a request shows.
    package mutating func show(_ value: Value, at now: Timestamp, _ bounds: Bounds) -> Verdict {
        if value.generation < self.generation {
            guard let left = self.left.first(where: { $0.generation == value.generation }),
                now <= left.at.advanced(by: bounds.delay)
            else { return .reuse }
            return .late
        }
        if value.generation > self.generation {
            self.move(to: value, at: now, bounds)
            return .current
        }
        return self.showAgain(value.number, at: now, bounds)
    }

    private mutating func move(to value: Value, at now: Timestamp, _ bounds: Bounds) {
        self.left.removeAll { $0.at.advanced(by: bounds.delay) < now }
        self.left.append(Left(generation: self.generation, at: now))
        self.generation = value.generation
        self.beganAt = now
        self.sentAt = self.nextSentAt ?? now
        self.nextSentAt = nil
        self.shown = [Shown(number: value.number, firstAt: now, lastPossibleAt: nil)]
    }

    private mutating func showAgain(_ number: UInt64, at now: Timestamp, _ bounds: Bounds) -> Verdict {
        let known = self.shown.firstIndex { $0.number == number }
        if known == nil {
            guard self.shown.count < Self.maximumShown else { return .reuse }
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

    /// Whether an answer to a request that showed `value` gives a value of the next generation, and takes note of it.
    ///
    /// Rotations are spaced so that no response with an older value can arrive after a newer one was given.
    ///
    /// - Parameters:
    ///   - value: What the request showed; its verdict was ``Verdict/current``.
    ///   - now: When the answer goes out.
    ///   - isForced: Whether it is to be given at once: the application asked for it.
    ///   - isHastened: Whether it is to be given as soon as no late response can do harm, before the value is old enough.
    package mutating func gives(to value: Value, at now: Timestamp, _ bounds: Bounds, isForced: Bool, isHastened: Bool = false) -> Bool {
        guard value.generation == self.generation, let mine = self.shown.first(where: { $0.number == value.number }),
            mine.lastPossibleAt == nil
        else { return false }
        if !isForced {
            let age = isHastened ? bounds.delay * 2 : max(bounds.timeout, bounds.delay * 2)
            guard now >= self.beganAt.advanced(by: age), now >= self.sentAt.advanced(by: bounds.delay) else { return false }
        }
        // Noted in steps of D / 8, ahead: a burst of answers costs few commits, and a later time errs on the safe side.
        if self.nextSentAt.map({ $0 < now }) ?? true { self.nextSentAt = now.roundedUp(toMultipleOf: bounds.delay / 8) }
        return true
    }
}

extension Timestamp {
    fileprivate func roundedUp(toMultipleOf step: Duration) -> Timestamp {
        let step = max(1, step.wholeNanoseconds)
        let rest = self.nanosecondsSinceEpoch % step
        return rest == 0 ? self : self.advanced(by: .nanoseconds(step - rest))
    }
}

// The binary form of a rotation chain, a part of a session record.

extension RecordWriter {
    mutating func chain(_ chain: RotationChain) {
        self.integer(UInt64(chain.generation))
        self.integer(chain.beganAt.nanosecondsSinceEpoch)
        self.integer(chain.sentAt.nanosecondsSinceEpoch)
        self.optionalTimestamp(chain.nextSentAt)
        self.byte(UInt8(chain.shown.count))
        for shown in chain.shown {
            self.integer(shown.number)
            self.integer(shown.firstAt.nanosecondsSinceEpoch)
            self.optionalTimestamp(shown.lastPossibleAt)
        }
        self.byte(UInt8(clamping: chain.left.count))
        for left in chain.left.suffix(255) {
            self.integer(UInt64(left.generation))
            self.integer(left.at.nanosecondsSinceEpoch)
        }
    }
}

extension RecordReader {
    mutating func chain() -> RotationChain? {
        guard let generation = self.generation(), let beganAt = self.timestamp(), let sentAt = self.timestamp(),
            let nextSentAt = self.optionalTimestamp(), let shownCount = self.byte(), Int(shownCount) <= RotationChain.maximumShown
        else { return nil }
        var shown: [RotationChain.Shown] = []
        for _ in 0..<shownCount {
            guard let number = self.integer(), let firstAt = self.timestamp(), let last = self.optionalTimestamp() else { return nil }
            shown.append(RotationChain.Shown(number: number, firstAt: firstAt, lastPossibleAt: last))
        }
        guard let leftCount = self.byte() else { return nil }
        var left: [RotationChain.Left] = []
        for _ in 0..<leftCount {
            guard let generation = self.generation(), let at = self.timestamp() else { return nil }
            left.append(RotationChain.Left(generation: generation, at: at))
        }
        return RotationChain(
            generation: generation,
            beganAt: beganAt,
            sentAt: sentAt,
            nextSentAt: nextSentAt,
            shown: shown,
            left: left
        )
    }

    private mutating func generation() -> UInt32? { self.integer().flatMap { UInt32(exactly: $0) } }
}
