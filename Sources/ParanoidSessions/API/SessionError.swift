public import ParanoidHTTP
internal import HTTPTypes

/// A use of a session that cannot work.
public enum SessionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The key is the one the guard keeps its own data under.
    case reservedKey
    /// The response is on its way, so no cookie can be set any more.
    case responseSent
    /// A hook that is asked while the session is read, or in the middle of a change, can read the session and not change it.
    case insideHook
    /// The session has ended while the request was under way, so that nothing of it can be stored.
    case ended
    /// The lifetime is shorter than a second, or longer than 2^31 - 1 seconds.
    case invalidLifetime
    /// One value has more bytes than `PARANOID_SESSION_VALUE_LIMIT` allows.
    case valueTooLarge
    /// One value is nested more deeply than 64 levels.
    case valueTooDeep
    /// All values have more bytes than `PARANOID_SESSION_LIMIT` allows.
    case sessionTooLarge
    /// The user has as many sessions as are allowed, and a further login is to be refused.
    case tooManySessions

    /// What cannot work.
    public var description: String {
        switch self {
        case .reservedKey: "the guard's own data cannot be read or written by the application"
        case .responseSent: "a session cannot begin, end or change its identifier once the response is on its way"
        case .insideHook: "a hook can read a session, and cannot change it"
        case .ended: "the session has ended while the request was under way"
        case .invalidLifetime: "a lifetime has 1 to 2^31-1 seconds"
        case .valueTooLarge: "a value is larger than a session value may be"
        case .valueTooDeep: "a value is nested more deeply than a session value may be"
        case .sessionTooLarge: "the values are larger than those of a session may be"
        case .tooManySessions: "the user has as many sessions as are allowed"
        }
    }
}

extension SessionError: HTTPErrorConvertible {
    /// 403 for one session too many, 409 for one that has ended; the others are faults of the application.
    package var httpError: HTTPError? {
        switch self {
        case .tooManySessions: HTTPError(.forbidden, message: "Too many sessions")
        case .ended: HTTPError(.conflict, message: "Your session has ended. Load the page again.")
        default: nil
        }
    }
}

/// A request that is refused before it does anything, and why.
///
/// Thrown by ``Session/requireFreshLogin(within:)``, ``Session/require(_:)`` and ``CSRFProtection``. The client gets 401 when nobody is logged in,
/// else 403. `Application.onError(_:)` can send it to the login page instead.
public struct RequestRefusal: Error, HTTPErrorConvertible, Sendable, Hashable {
    /// Why a request is refused.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Nobody is logged in.
        case notLoggedIn = "not-logged-in"
        /// The user has not proved to be it for too long.
        case notRecent = "not-recent"
        /// The user has to prove more than was proved so far.
        case levelTooLow = "level-too-low"
        /// The browser says that another site sends the request.
        case crossSite = "cross-site"
        /// There is no CSRF token.
        case tokenMissing = "csrf-token-missing"
        /// The CSRF token is not one of this session.
        case tokenWrong = "csrf-token-wrong"
    }

    /// The reason of the refusal.
    public let reason: Reason

    /// Creates a refusal.
    package init(_ reason: Reason) {
        self.reason = reason
    }

    package var httpError: HTTPError? {
        switch self.reason {
        // 401 wants a challenge (RFC 9110, section 15.5.2); browsers pass over a scheme that they do not know.
        case .notLoggedIn: HTTPError(.unauthorized, message: "Log in first.").adding("Session", for: .wwwAuthenticate)
        case .notRecent: HTTPError(.forbidden, message: "Log in again to do this.")
        case .levelTooLow: HTTPError(.forbidden, message: "Prove once more who you are to do this.")
        case .crossSite: HTTPError(.forbidden, message: "This request came from another site.")
        case .tokenMissing, .tokenWrong: HTTPError(.forbidden, message: "This page is out of date. Load it again and retry.")
        }
    }
}
