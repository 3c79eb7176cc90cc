public import HTTPHandling

/// Names and attributes of the three session cookies.
public struct SessionCookieConfiguration: Sendable {
    /// The cookie that carries the identifier (`SESSION_COOKIE_NAME`).
    public var sessionName = "sessionid"
    /// The cookie that carries the nonce (`PSESSION_COOKIE_NAME`).
    public var nonceName = "sessionnonce"
    /// The cookie that carries the second key over HTTPS (`PSESSION_SECURE_COOKIE_NAME`).
    public var secondName = "sessionid_https"
    /// The path of all three (`SESSION_COOKIE_PATH`).
    public var path = "/"
    /// The domain of all three; `nil`: this host alone (`SESSION_COOKIE_DOMAIN`).
    public var domain: String?
    /// Whether identifier and nonce travel over HTTPS only (`SESSION_COOKIE_SECURE`); the second key always does.
    public var isSecure = false
    /// Whether scripts are kept from all three (`PSESSION_COOKIE_HTTPONLY`).
    public var isHTTPOnly = true
    /// Which requests from other sites carry them (`SESSION_COOKIE_SAMESITE`); `nil` leaves it to the browser.
    public var sameSite: SetCookie.SameSite? = .lax

    /// Creates the default names and attributes.
    public init() {}

    /// Checks that browsers would take cookies with these names and attributes.
    ///
    /// - Returns: The first name whose cookie would be refused and the rule that it breaks; `nil` when all is well.
    public func problem() -> (name: String, rule: any Error)? {
        for (name, isSecure) in [(self.sessionName, self.isSecure), (self.nonceName, self.isSecure), (self.secondName, true)] {
            do {
                _ = try self.cookie(name, value: "x", maxAge: 1, isSecure: isSecure)
            } catch {
                return (name, error)
            }
        }
        return nil
    }

    func cookie(_ name: String, value: String, maxAge: Int?, isSecure: Bool) throws -> SetCookie {
        try SetCookie(
            name: name,
            value: value,
            path: self.path,
            domain: self.domain,
            maxAge: maxAge.map { min(.seconds($0), SetCookie.maximumAge) },
            secure: isSecure,
            httpOnly: self.isHTTPOnly,
            sameSite: self.sameSite
        )
    }

    func deletion(_ name: String, isSecure: Bool) throws -> SetCookie {
        try SetCookie.deleting(
            name,
            path: self.path,
            domain: self.domain,
            secure: isSecure,
            httpOnly: self.isHTTPOnly,
            sameSite: self.sameSite
        )
    }
}
