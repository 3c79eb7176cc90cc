/// What a server does with the values that clients show; time is virtual, in seconds.
package protocol SimulatedServer {
    /// The cookies of one jar.
    associatedtype Jar: Sendable

    /// The cookies that the answer to the first request sets.
    mutating func begin(at now: Double) -> Jar
    /// Whether a request with these cookies is accepted, and what its answer sets.
    mutating func show(_ jar: Jar, at now: Double) -> (isAccepted: Bool, sets: Jar?)
    /// A jar after an answer has arrived.
    static func take(_ set: Jar, into jar: Jar) -> Jar
    /// Whether the owner cannot get in any more with any cookies.
    var hasEnded: Bool { get }
}

extension SimulatedServer {
    /// The new cookies alone, where an answer sets all there are.
    package static func take(_ set: Jar, into jar: Jar) -> Jar { set }
}
