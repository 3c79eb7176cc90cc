public import ParanoidHTTP
internal import HTTPTypes

/// A request that is refused before it does anything, and why.
///
/// Thrown by ``Session/requireFreshLogin(within:)``, ``Session/require(_:)`` and ``CSRFProtection``. A handler that lets it through answers
/// with ``makeResponse()``; one that knows better catches it and, say, sends the client to the login page.
public struct RequestRefusal: Error, ResponseConvertible, Sendable, Hashable {
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

    /// Why.
    public let reason: Reason

    /// Creates a refusal.
    public init(_ reason: Reason) {
        self.reason = reason
    }

    /// 401 when nobody is logged in, else 403; the text says what to do and nothing of the session.
    public func makeResponse() throws -> Response {
        switch self.reason {
        case .notLoggedIn:
            var response = Response.text("Log in first.\n", status: .unauthorized)
            // 401 wants a challenge (RFC 9110, section 15.5.2); browsers pass over a scheme that they do not know.
            try response.setHeader("Session", for: .wwwAuthenticate)
            return response
        case .notRecent: return .text("Log in again to do this.\n", status: .forbidden)
        case .levelTooLow: return .text("Prove once more who you are to do this.\n", status: .forbidden)
        case .crossSite: return .text("This request came from another site.\n", status: .forbidden)
        case .tokenMissing, .tokenWrong: return .text("This page is out of date. Load it again and retry.\n", status: .forbidden)
        }
    }
}
