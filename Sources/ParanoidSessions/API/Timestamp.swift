package import ParanoidHTTP

/// A point in wall-clock time that several processes, and a later boot of the machine, agree on.
///
/// Sessions outlive the process that created them, so their times cannot come from `ContinuousClock`, whose instants mean nothing
/// outside one boot.
public struct Timestamp: Comparable, Sendable, Hashable {
    /// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds excluded.
    public let nanosecondsSinceEpoch: Int64

    /// Creates a timestamp from its distance to the Unix epoch in nanoseconds.
    package init(nanosecondsSinceEpoch: Int64) {
        self.nanosecondsSinceEpoch = nanosecondsSinceEpoch
    }

    /// Creates a timestamp from whole seconds since the Unix epoch.
    public init(secondsSinceEpoch: Int64) {
        self.nanosecondsSinceEpoch = secondsSinceEpoch.multipliedSaturating(by: 1_000_000_000)
    }

    /// Earlier than every session.
    package static let distantPast = Timestamp(nanosecondsSinceEpoch: .min)
    /// Later than every session.
    package static let distantFuture = Timestamp(nanosecondsSinceEpoch: .max)

    /// The timestamp `duration` later; saturates instead of overflowing.
    package func advanced(by duration: Duration) -> Timestamp { self.advanced(byNanoseconds: duration.wholeNanoseconds) }

    /// The same for a number of nanoseconds.
    package func advanced(byNanoseconds nanoseconds: Int64) -> Timestamp {
        let (sum, overflow) = self.nanosecondsSinceEpoch.addingReportingOverflow(nanoseconds)
        return Timestamp(nanosecondsSinceEpoch: overflow ? (nanoseconds < 0 ? .min : .max) : sum)
    }

    /// How much later `other` is; negative when it is earlier.
    package func duration(to other: Timestamp) -> Duration {
        let (difference, overflow) = other.nanosecondsSinceEpoch.subtractingReportingOverflow(self.nanosecondsSinceEpoch)
        return Duration(wholeNanoseconds: overflow ? (other > self ? .max : .min) : difference)
    }

    /// Whether `lhs` is earlier than `rhs`.
    public static func < (lhs: Timestamp, rhs: Timestamp) -> Bool {
        lhs.nanosecondsSinceEpoch < rhs.nanosecondsSinceEpoch
    }
}

// `Duration` itself multiplies, divides and takes apart by generic functions of wide integers, which costs requests microseconds.
extension Duration {
    private static let attosecondsPerNanosecond: Int128 = 1_000_000_000

    /// A number of nanoseconds.
    package init(wholeNanoseconds: Int64) {
        self.init(attoseconds: Int128(wholeNanoseconds) * Self.attosecondsPerNanosecond)
    }

    /// A part of the duration.
    package func divided(by divisor: Int128) -> Duration { Duration(attoseconds: self.attoseconds / divisor) }

    /// The duration in nanoseconds, cut below them and saturated at the limits of `Int64` (292 years).
    package var wholeNanoseconds: Int64 {
        // Up to 9 seconds fit: a division of one word.
        if let attoseconds = Int64(exactly: self.attoseconds) { return attoseconds / 1_000_000_000 }
        let nanoseconds = self.attoseconds / Self.attosecondsPerNanosecond
        if nanoseconds > Int128(Int64.max) { return .max }
        if nanoseconds < Int128(Int64.min) { return .min }
        return Int64(truncatingIfNeeded: nanoseconds)
    }
}

extension Int64 {
    fileprivate func multipliedSaturating(by factor: Int64) -> Int64 {
        let (product, overflow) = self.multipliedReportingOverflow(by: factor)
        return overflow ? (self < 0 ? .min : .max) : product
    }
}

/// A clock for the sessions of an application, in place of the system's.
public protocol SessionClock: Sendable {
    /// The time now; read several times for each request, so it must be quick.
    var now: Timestamp { get }
}

/// Says what time it is for a request.
///
/// Everything below takes the time as an argument, so tests play years in milliseconds.
package protocol RequestClock: Sendable {
    /// The time at which a request arrived, as far as anybody knows; asked once, and only of a request that uses its session.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - seenAt: The time before its handler ran.
    func arrival(of request: Request, seenAt: Timestamp) -> Timestamp
    /// The time at which a request's response is made; not before its arrival unless the clock was set back.
    func completion(of request: Request) -> Timestamp
}

/// The times of requests by a clock that knows no requests.
package struct TimesOfRequests: RequestClock {
    private let clock: any SessionClock

    /// Creates a clock of requests.
    package init(by clock: any SessionClock) {
        self.clock = clock
    }

    package func arrival(of request: Request, seenAt: Timestamp) -> Timestamp { seenAt }
    package func completion(of request: Request) -> Timestamp { self.clock.now }
}
