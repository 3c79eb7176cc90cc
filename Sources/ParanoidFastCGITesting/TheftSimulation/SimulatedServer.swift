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

/// Which secrets an application asks for with a response.
package enum SimulatedRenewal: Sendable {
    case none
    case identifier
    case login
}

/// A server whose requests take their time between arrival and response.
package protocol HeldServer: SimulatedServer {
    /// A request that was accepted and is with its handler.
    associatedtype Held: Sendable

    /// A request with these cookies is judged, which has begun to arrive earlier; `nil`: it is not accepted.
    mutating func arrive(_ jar: Jar, at now: Double, begunAt: Double) -> Held?
    /// Its response is made; what that sets.
    mutating func respond(to held: Held, at now: Double, renewing: SimulatedRenewal) -> Jar?
    /// Whether these are the cookies of a session that a login has replaced: they name nothing, and nothing follows.
    func isStale(_ jar: Jar) -> Bool
    /// Whether the cookies of each login have names of their own, so that an answer from before it takes nothing away.
    static var hasNamesOfLogins: Bool { get }
}

extension HeldServer {
    package func isStale(_ jar: Jar) -> Bool { false }

    package static var hasNamesOfLogins: Bool { false }

    package mutating func show(_ jar: Jar, at now: Double) -> (isAccepted: Bool, sets: Jar?) {
        guard let held = self.arrive(jar, at: now, begunAt: now) else { return (false, nil) }
        return (true, self.respond(to: held, at: now, renewing: .none))
    }
}
