/// Why a session is withheld until the application is satisfied that the request is its owner's.
public struct SessionChallenge: Sendable, Hashable {
    /// ``GuardReason/signals``, or ``GuardReason/reuse`` when two parties hold copies of one jar.
    public let reason: GuardReason
    /// Who is logged in, and so has to prove it again; `nil`: nobody.
    public let user: String?
    /// What about the client has changed.
    public let signals: [String]

    /// What follows.
    public enum Answer: Sendable, Hashable {
        /// The request goes on without its session, until the handler calls `Session.completeChallenge()` or logs the same user in.
        case withhold
        /// The request is taken for the owner's: it gets its session, under new secrets.
        case release
    }
}
