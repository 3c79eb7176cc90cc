internal import ParanoidHTTP
internal import Synchronization

/// What all requests share.
final class SessionContext: Sendable {
    let repository: SessionRepository
    let configuration: SessionSettings
    let clock: any RequestClock
    let sessionGuard: SessionGuard
    let cookies: SessionCookies
    let statistics = SessionStatistics()
    let events: SessionEvents
    private let guesses = Mutex(GuessDetector())

    init(repository: SessionRepository, configuration: SessionSettings, clock: any RequestClock) {
        self.repository = repository
        self.configuration = configuration
        self.clock = clock
        self.sessionGuard = SessionGuard(settings: configuration.guardSettings)
        self.cookies = SessionCookies(configuration: configuration)
        self.events = SessionEvents(configuration: configuration, statistics: self.statistics)
    }

    /// Notes an identifier that names nothing; what it returns is worth an alarm.
    func noteGuess(from address: String, at now: Timestamp) -> Int? {
        let network = self.configuration.network(address)
        return self.guesses.withLock { $0.note(network, at: now) }
    }

    /// When a request arrived: never later than it was seen here, and never earlier than the bound allows.
    func arrival(of request: Request, seenAt: Timestamp) -> RequestArrival {
        let time = self.clock.arrival(of: request, seenAt: seenAt)
        let settings = self.configuration.guardSettings
        guard settings.behaviour.hasRotationChains else { return RequestArrival(time: time, isCut: false) }
        let earliest = seenAt.advanced(byNanoseconds: 0 - settings.arrivalBound.wholeNanoseconds)
        return time < earliest ? RequestArrival(time: earliest, isCut: true) : RequestArrival(time: min(time, seenAt), isCut: false)
    }

    /// Whether the guard checks a request; an application that has a word in it is asked with the request that `hooked` makes.
    func isChecked(_ request: Request, _ hooked: () -> Request) -> Bool {
        for prefix in self.configuration.uncheckedPathPrefixes where request.isRouted(below: prefix.utf8, isWhole: false) { return false }
        return self.configuration.checksAll || self.configuration.checks(hooked())
    }
}

/// Counts identifiers that name nothing by the network they come from, in fixed memory (pure).
///
/// Networks share places: two that meet in one count together, which can only raise an alarm too early.
struct GuessDetector: Sendable {
    /// How many in one minute make an alarm.
    static let threshold = 100
    private static let places = 256

    private struct Place: Sendable {
        var minute: Int64 = .min
        var count = 0
    }

    private var table = [Place](repeating: Place(), count: Self.places)

    /// Notes one.
    ///
    /// - Returns: The number within this minute if that makes an alarm, at every further doubling again.
    mutating func note(_ network: [UInt8], at now: Timestamp) -> Int? {
        let minute = now.nanosecondsSinceEpoch / 60_000_000_000
        let index = network.reduce(5381) { ($0 &* 33 ^ Int($1)) & 0xFFFF_FFFF } % Self.places
        if self.table[index].minute != minute { self.table[index] = Place(minute: minute) }
        self.table[index].count += 1
        let count = self.table[index].count
        guard count >= Self.threshold, count % Self.threshold == 0 else { return nil }
        let factor = count / Self.threshold
        return factor & (factor - 1) == 0 ? count : nil
    }
}

/// Randomness for one request: fetched 64 bytes at a time and thrown away with the request, so no two requests or processes share any.
package struct SessionRandom: RandomNumberGenerator {
    /// Fills eight words with fresh randomness from the system.
    package typealias Source = @Sendable (inout InlineArray<8, UInt64>) -> Void

    private let source: Source
    private var words = InlineArray<8, UInt64>(repeating: 0)
    private var left = 0

    /// Creates a generator over a source.
    package init(source: @escaping Source) {
        self.source = source
    }

    /// The next word; never given out again.
    package mutating func next() -> UInt64 {
        if self.left == 0 {
            self.source(&self.words)
            self.left = self.words.count
        }
        self.left -= 1
        let word = self.words[self.left]
        self.words[self.left] = 0
        return word
    }

    /// The system's generator.
    package static let system: Source = { words in
        for index in words.indices { words[index] = .random(in: .min ... .max) }
    }
}
