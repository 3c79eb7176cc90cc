package import ParanoidHTTP

/// Names and attributes of the three session cookies.
package struct SessionCookieConfiguration: Sendable {
    /// What browsers promise of a cookie whose name begins so (RFC 6265bis section 4.1.3, and the draft on layered cookies).
    package enum Prefix: String, Sendable, Hashable, CaseIterable {
        /// Nothing.
        case none = ""
        /// It was set over HTTPS.
        case secure = "__Secure-"
        /// It was set over HTTPS by this very host.
        case host = "__Host-"
        /// It was set over HTTPS by this very host in a response, not by a script.
        case hostHTTP = "__Host-Http-"
    }

    /// What is put before the three names, unless they have a prefix of their own (`PSESSION_COOKIE_PREFIX`).
    package var prefix = Prefix.host
    /// The cookie that carries the identifier (`SESSION_COOKIE_NAME`).
    package var sessionName = "sessionid"
    /// The cookie that carries the nonce (`PSESSION_COOKIE_NAME`).
    package var nonceName = "sessionnonce"
    /// The cookie that carries the second key over HTTPS (`PSESSION_SECURE_COOKIE_NAME`).
    package var secondName = "sessionid_https"
    /// What stands behind the names of the cookies that no setting names, where applications share a host.
    package var suffix = ""
    /// The path of all three (`SESSION_COOKIE_PATH`).
    package var path = "/"
    /// The domain of all three; `nil`: this host alone (`SESSION_COOKIE_DOMAIN`).
    package var domain: String?
    /// Whether identifier and nonce travel over HTTPS only (`SESSION_COOKIE_SECURE`); the second key always does.
    package var isSecure = true
    /// Whether scripts are kept from all three (`PSESSION_COOKIE_HTTPONLY`).
    package var isHTTPOnly = true
    /// Which requests from other sites carry them (`SESSION_COOKIE_SAMESITE`); `nil` leaves it to the browser.
    package var sameSite: SetCookie.SameSite? = .lax

    /// Creates the default names and attributes of a profile.
    package init(profile: GuardSettings.Profile = .paranoid) {
        if profile.isCompatible {
            self.prefix = .none
            self.isSecure = false
        }
    }

    /// The name of the identifier's cookie, prefix included.
    package var sessionCookie: String { self.prefixed(self.sessionName) }
    /// The name of the nonce's cookie, prefix included.
    package var nonceCookie: String { self.prefixed(self.nonceName) }
    /// The name of the second key's cookie, prefix included.
    package var secondCookie: String { self.prefixed(self.secondName) }

    /// A name with the prefix that belongs before it.
    package func prefixed(_ name: String) -> String {
        let hasOne = Prefix.allCases.contains { $0 != .none && SetCookieRules.starts(name, with: $0.rawValue.lowercased()) }
        return hasOne ? name : self.prefix.rawValue + name
    }

    /// Whether browsers take a cookie of the identifier's name from this host alone, over HTTPS.
    package var isBoundToHost: Bool { SetCookieRules.starts(self.sessionCookie, with: "__host-") }

    /// The names of all logins, that of visitors first.
    ///
    /// Logins have names of their own where nobody but this host can set these: a neighbour under the same domain could else put a login of
    /// theirs in the place of a visitor's session.
    package func names(ofProfile profile: GuardSettings.Profile) -> [SessionCookieNames] {
        let logins = self.isBoundToHost && profile.behaviour.followsBrowsers ? LoginNumber.all : [.visitor]
        return logins.map { login in
            SessionCookieNames(
                session: self.sessionCookie + login.suffix,
                nonce: self.nonceCookie + login.suffix,
                second: self.secondCookie + login.suffix
            )
        }
    }

    /// Checks that browsers would take cookies with these names and attributes.
    ///
    /// - Returns: The first name whose cookie would be refused and the rule that it breaks; `nil` when all is well.
    package func problem() -> (name: String, rule: any Error)? {
        for (name, isSecure) in [(self.sessionName, self.isSecure), (self.nonceName, self.isSecure), (self.secondName, true)] {
            do {
                _ = try self.cookie(self.prefixed(name), value: "x", maxAge: .seconds(1), isSecure: isSecure)
            } catch {
                return (name, error)
            }
        }
        return nil
    }

    func cookie(_ name: String, value: String, maxAge: Duration?, isSecure: Bool) throws -> SetCookie {
        try SetCookie(
            name: name,
            value: value,
            path: self.path,
            domain: self.domain,
            maxAge: maxAge.map { min($0, SetCookie.maximumAge) },
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

/// The names of the three session cookies of a login, prefix included.
package struct SessionCookieNames: Sendable, Hashable {
    /// That of the identifier.
    package var session: String
    /// That of the nonce.
    package var nonce: String
    /// That of the second key.
    package var second: String
}
