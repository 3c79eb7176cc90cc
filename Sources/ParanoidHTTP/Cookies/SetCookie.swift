/// A cookie for the client to keep, checked so that browsers take it as it is meant (RFC 6265bis, section 4.1).
public struct SetCookie: Sendable, Hashable {
    /// Which requests from other sites carry the cookie.
    public enum SameSite: String, Sendable, Hashable, CaseIterable {
        /// None.
        case strict = "Strict"
        /// Only navigations.
        case lax = "Lax"
        /// All; wants `Secure`.
        case none = "None"
    }

    /// The longest life that browsers grant: 400 days.
    public static let maximumAge: Duration = .seconds(34_560_000)

    /// The name.
    public let name: String
    /// The value.
    public let value: String
    /// The path; `nil` leaves it to the browser.
    public let path: String?
    /// The domain without leading dot; `nil` means this host alone.
    public let domain: String?
    /// How long the browser keeps the cookie, rounded up to seconds; `nil` means until it is closed, zero or less deletes it.
    public let maxAge: Duration?
    /// When it ends, for browsers that do not look at the age; computed from the age when `nil`.
    public let expires: HTTPDate?
    /// Whether it travels over encrypted connections only.
    public let secure: Bool
    /// Whether scripts are kept from it.
    public let httpOnly: Bool
    /// Which requests from other sites carry it; `nil` leaves it to the browser.
    public let sameSite: SameSite?

    /// Creates a cookie.
    ///
    /// - Throws: ``CookieError`` when browsers would refuse, change or misread it.
    public init(
        name: String,
        value: String,
        path: String? = "/",
        domain: String? = nil,
        maxAge: Duration? = nil,
        expires: HTTPDate? = nil,
        secure: Bool = true,
        httpOnly: Bool = true,
        sameSite: SameSite? = .lax
    ) throws(CookieError) {
        self.name = name
        self.value = value
        self.path = path
        // Browsers ignore one leading dot (RFC 6265bis, section 5.7.3); the grammar does not have it.
        self.domain = domain.map { $0.utf8.first == UInt8(ascii: ".") ? String($0.dropFirst()) : $0 }
        self.maxAge = maxAge
        self.expires = expires
        self.secure = secure
        self.httpOnly = httpOnly
        self.sameSite = sameSite
        try SetCookieRules.check(self)
    }

    /// The cookie that makes browsers forget another one; every attribute has to be that of the other.
    ///
    /// - Throws: ``CookieError`` when the attributes are impossible.
    public static func deleting(
        _ name: String,
        path: String? = "/",
        domain: String? = nil,
        secure: Bool = true,
        httpOnly: Bool = true,
        sameSite: SameSite? = .lax
    ) throws(CookieError) -> SetCookie {
        try SetCookie(
            name: name,
            value: "",
            path: path,
            domain: domain,
            maxAge: .zero,
            secure: secure,
            httpOnly: httpOnly,
            sameSite: sameSite
        )
    }

    /// The value of the `Set-Cookie` field, with `Expires` beside `Max-Age`.
    ///
    /// - Parameter now: The time of the response.
    public func fieldValue(now: HTTPDate) -> String {
        var text = "\(self.name)=\(self.value)"
        if let path { text += "; Path=\(path)" }
        if let domain { text += "; Domain=\(domain)" }
        if let maxAge {
            let parts = maxAge.components
            let seconds = max(parts.seconds + (parts.attoseconds > 0 ? 1 : 0), 0)  // half a second must not delete
            text += "; Max-Age=\(seconds)"
            let end = self.expires ?? (seconds == 0 ? HTTPDate(secondsSinceUnixEpoch: 0) : now.advanced(bySeconds: seconds))
            text += "; Expires=\(end.text)"
        } else if let expires {
            text += "; Expires=\(min(expires, now.advanced(bySeconds: Self.maximumAge.components.seconds)).text)"
        }
        if self.secure { text += "; Secure" }
        if self.httpOnly { text += "; HttpOnly" }
        if let sameSite { text += "; SameSite=\(sameSite.rawValue)" }
        return text
    }
}

extension SetCookie: CustomStringConvertible {
    /// The name alone: values of cookies are secrets.
    public var description: String { "SetCookie(\(self.name), redacted)" }
}
