/// What the guard made of a request.
public enum GuardVerdict: String, Sendable, Hashable, CaseIterable {
    /// No session was presented and none was made.
    case none
    /// A session begins with this request.
    case new
    /// The request continues its session.
    case accepted
    /// The request was refused and goes on without its session, which stands or was cleared as profile and settings say.
    case rejected
    /// The request showed all secrets of its session and does not see it yet: the application is to make sure who it is from.
    case challenged
    /// The request was not to be checked.
    case unchecked
}

/// Why the guard came to its verdict.
public enum GuardReason: String, Sendable, Hashable {
    /// Accepted with the current nonce.
    case current
    /// Accepted with an older nonce that still counts.
    case window
    /// Accepted with the nonce after the current one.
    case ahead
    /// Accepted without a nonce: nonces are switched off.
    case off
    /// New tracking of a session that an unchecked request began.
    case adopted
    /// The session presented does not exist (any more), or its cookie cannot name one.
    case unknown
    /// Refused: the second key is wrong or missing.
    case secureKey
    /// Refused: the client does not look as before.
    case headers
    /// Refused: the nonce is wrong, too old or missing.
    case nonce
    /// Refused, and the session has ended: what was shown proves that two parties hold copies of one jar.
    case reuse
    /// Challenged or ended: all secrets are right, and the client has changed in a way that the rules for it take seriously, or has shown
    /// none of the new cookie values that it was given.
    case signals
    /// Another site has sent the request and no session cookie came with it: browsers keep theirs from such requests, so nobody knows
    /// whether there is a session.
    case crossSite
    /// Sessions exist over HTTPS only, and the request came over plain HTTP.
    case insecure
    /// Refused: the session cookies come with several values, and which of them are the client's cannot be told.
    case ambiguous
    /// The session was ended while the request was under way, or a short while before.
    case ended
}

/// Why a session is withheld until the application is satisfied that the request is its owner's.
public struct SessionChallenge: Sendable, Hashable {
    /// ``GuardReason/signals``, or ``GuardReason/reuse`` when two parties hold copies of one jar.
    public let reason: GuardReason
    /// Who is logged in, and so has to prove it again; `nil`: nobody.
    public let user: String?
    /// What about the client has changed.
    public let signals: [String]

    /// The application's response to a challenge.
    public enum Decision: Sendable, Hashable {
        /// The request goes on without its session, until the handler calls `Session.completeChallenge()` or logs the same user in.
        case withhold
        /// The request is taken for the owner's: it gets its session, under new secrets.
        case release
    }
}
