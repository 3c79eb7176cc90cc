/// What the server keeps of a browser that a user lets it remember beyond the session.
///
/// No value that a browser may show is stored: they are proved by a keyed tag, as the nonces of sessions are, and follow the same rule
/// (``RotationChain``), and one more, as each value says when it was given. A value is replaced with each use, except within D after the last
/// one was given, so that no late answer brings an older value back. An answer that gets lost locks nobody out: until a newer value is shown,
/// the older one stays good. What a single jar cannot show, given that no request and no answer is under way for longer than the bound D, is
/// proof that two parties hold copies:
/// - a value whose successor was shown more than D ago;
/// - a value beside which another one of its generation was shown more than D ago, and which was given more than 2 D before that: the jar
///   would have had it before, and lost it to the other one.
package struct RememberedLogin: Sendable, Hashable {
    /// What a shown value means.
    package enum Verdict: Sendable, Hashable {
        /// It is good, or was when the request was sent; this is to be shown next, `nil`: nothing new.
        case accepted(next: Nonce?)
        /// It was never given.
        case foreign
        /// It is old, and nobody knows whether it was when the request was sent: it logs nobody in, and proves nothing.
        case old
        /// Two parties hold copies.
        case reuse
    }

    /// The application's name for the user.
    package let user: String
    /// What the application noted of the device.
    package let device: SessionDevice?
    /// When the user let the browser be remembered.
    package let createdAt: Timestamp
    /// The session in which the user did: what proves a copy of that one ends this login as well.
    package let source: SessionHandle
    private let seed: SecretBytes<24>
    private var chain: RotationChain

    /// Begins to remember.
    package init(
        user: String,
        device: SessionDevice?,
        from source: SessionHandle = SessionHandle(number: 0),
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) {
        self.user = user
        self.source = source
        self.device = device
        self.createdAt = now
        self.seed = SecretBytes(using: &generator)
        self.chain = RotationChain(at: now)
    }

    private func stream(_ keys: ServerKeys) -> NonceStream { NonceStream(seed: self.seed, keys: keys) }

    /// The first value to be shown.
    package func firstNonce(keys: ServerKeys, using generator: inout some RandomNumberGenerator) -> Nonce {
        self.stream(keys).nonce(of: self.value(of: 0, givenAt: self.createdAt, using: &generator))
    }

    /// Whether a value was given to this browser at any time; compares in constant time.
    package func hasGiven(_ nonce: Nonce, keys: ServerKeys) -> Bool { self.stream(keys).value(of: nonce) != nil }

    /// Takes note of a value that is shown.
    ///
    /// - Parameters:
    ///   - nonce: The value.
    ///   - arrivedAt: When the request arrived that shows it.
    ///   - isCut: Whether it arrived even earlier, see ``GuardSettings/arrivalBound``: it is given nothing new, proves nothing, and is no show
    ///     from which anything follows for others.
    ///   - now: The time.
    ///   - delay: The longest time that a request or a response is under way.
    ///   - keys: The keys that the memory belongs to.
    ///   - generator: Randomness for the next value.
    package mutating func show(
        _ nonce: Nonce,
        arrivedAt: Timestamp,
        isCut: Bool = false,
        at now: Timestamp,
        delay: Duration,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) -> Verdict {
        guard let value = self.stream(keys).value(of: nonce) else { return .foreign }
        let isLost = self.isLost(value, at: arrivedAt, delay: delay)
        let bounds = RotationChain.Bounds(delay: delay, timeout: .zero)
        if isCut {
            var judged = self.chain
            return isLost || judged.show(value, at: arrivedAt, bounds) == .reuse ? .old : .accepted(next: nil)
        }
        if isLost { return .reuse }
        switch self.chain.show(value, at: arrivedAt, bounds) {
        case .reuse: return .reuse
        case .late: return .accepted(next: nil)
        case .current:
            // Only when no older value can be under way any more, which would arrive after the new one and take its place in the jar.
            guard self.chain.givesAtOnce(to: value, at: now, bounds) else { return .accepted(next: nil) }
            let next = self.value(of: self.chain.generation &+ 1, givenAt: now, using: &generator)
            return .accepted(next: self.stream(keys).nonce(of: next))
        }
    }

    /// Whether the jar that showed the first value of this generation cannot have this other one.
    private func isLost(_ value: RotationChain.Value, at now: Timestamp, delay: Duration) -> Bool {
        guard value.generation == self.chain.generation, let first = self.chain.shown.first, first.number != value.number,
            first.firstAt.advanced(by: delay) < now
        else { return false }
        let givenAt = self.createdAt.advanced(by: .milliseconds(Int64(value.number >> Self.randomBitCount)))
        return givenAt < first.firstAt.advanced(by: delay * -2)
    }

    /// The low bits of a value's number, which tell those of one millisecond apart; the others say when it was given.
    private static let randomBitCount: UInt64 = 24

    private func value(of generation: UInt32, givenAt now: Timestamp, using generator: inout some RandomNumberGenerator)
        -> RotationChain.Value
    {
        let milliseconds = UInt64(max(0, self.createdAt.duration(to: now).wholeNanoseconds) / 1_000_000)
        let random = generator.next() & ((1 << Self.randomBitCount) - 1)
        return RotationChain.Value(generation: generation, number: milliseconds << Self.randomBitCount | random)
    }

    // MARK: Bytes

    /// Version 1 did not say which session it comes from.
    private static let formatVersions: ClosedRange<UInt8> = 1...2

    /// The memory as bytes.
    package func encoded() -> [UInt8] {
        var writer = RecordWriter()
        writer.byte(Self.formatVersions.upperBound)
        writer.integer(self.createdAt.nanosecondsSinceEpoch)
        writer.integer(self.source.number)
        writer.text(self.user)
        writer.bytes(self.seed)
        writer.chain(self.chain)
        writer.device(self.device)
        return writer.output
    }

    /// Parses what ``encoded()`` wrote; `nil` for anything else.
    package init?(decoding bytes: [UInt8]) {
        var reader = RecordReader(bytes)
        guard let version = reader.byte(), Self.formatVersions ~= version, let createdAt = reader.timestamp(),
            let source: UInt64 = version == 1 ? 0 : reader.integer(), let user = reader.bytes(),
            let seed = reader.bytes().flatMap({ SecretBytes<24>($0) }), let chain = reader.chain()
        else { return nil }
        self.createdAt = createdAt
        self.source = SessionHandle(number: source)
        self.user = String(decoding: user, as: UTF8.self)
        self.seed = seed
        self.chain = chain
        self.device = reader.device()
    }
}
