/// A cookie that a response sets (RFC 6265bis, section 4.1), checked by the rules that browsers apply.
public struct SetCookie: Sendable, Hashable {
    /// The requests from other sites that carry a cookie (RFC 6265bis, section 5.6.7).
    public enum SameSite: String, Sendable, Hashable, CaseIterable {
        /// No request from another site.
        case strict = "Strict"
        /// Navigations with a safe method, such as following a link.
        case lax = "Lax"
        /// All requests; browsers want `Secure` with it.
        case none = "None"
    }

    /// The longest life that browsers grant: 400 days (RFC 6265bis, section 5.5).
    package static let maximumAge: Duration = .seconds(34_560_000)

    /// The name, a token.
    package let name: String
    /// The value: printable ASCII without space, quote, comma, semicolon and backslash.
    package let value: String
    /// The path; `nil` leaves it to the browser.
    package let path: String?
    /// The domain without leading dot; `nil` means this host alone.
    package let domain: String?
    /// How long the browser keeps the cookie, rounded up to seconds; `nil` means until it is closed, zero or less deletes it.
    package let maxAge: Duration?
    /// When it ends, for browsers that do not look at the age; computed from the age when `nil`.
    package let expires: HTTPDate?
    /// Whether it travels over encrypted connections only.
    package let secure: Bool
    /// Whether scripts are kept from it.
    package let httpOnly: Bool
    /// Which requests from other sites carry it; `nil` leaves it to the browser.
    package let sameSite: SameSite?

    /// Creates a cookie.
    ///
    /// - Parameters:
    ///   - name: The name, a token. A prefix such as `__Host-` demands its attributes (RFC 6265bis, section 4.1.3).
    ///   - value: Printable ASCII without space, quote, comma, semicolon and backslash.
    ///   - path: The path below which the browser sends the cookie; `nil` leaves it to the browser.
    ///   - domain: The domain whose hosts get the cookie; `nil` means this host alone.
    ///   - maxAge: The life of the cookie, rounded up to seconds, at most 400 days (RFC 6265bis, section 5.5); `nil` means until the browser is closed, and zero or
    ///     less deletes it.
    ///   - secure: Whether the browser sends it over encrypted connections only.
    ///   - httpOnly: Whether scripts of a page cannot read it.
    ///   - sameSite: The requests from other sites that carry it; `nil` leaves it to the browser.
    /// - Throws: An error of the program when browsers would refuse, change or misread the cookie; not handled, it becomes a plain 500.
    public init(
        name: String,
        value: String,
        path: String? = "/",
        domain: String? = nil,
        maxAge: Duration? = nil,
        secure: Bool = true,
        httpOnly: Bool = true,
        sameSite: SameSite? = .lax
    ) throws {
        try self.init(
            name: name,
            value: value,
            path: path,
            domain: domain,
            maxAge: maxAge,
            expires: nil,
            secure: secure,
            httpOnly: httpOnly,
            sameSite: sameSite
        )
    }

    /// Creates a cookie that also ends at a date.
    package init(
        name: String,
        value: String,
        path: String? = "/",
        domain: String? = nil,
        maxAge: Duration? = nil,
        expires: HTTPDate?,
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

    /// The cookie that makes browsers delete another one; name, path, domain and prefix have to be those of the other.
    ///
    /// - Throws: ``CookieError`` when browsers would refuse these attributes.
    package static func deleting(
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
            expires: nil,
            secure: secure,
            httpOnly: httpOnly,
            sameSite: sameSite
        )
    }

    /// The value of the `Set-Cookie` field, with `Expires` beside `Max-Age`.
    ///
    /// - Parameter now: The time of the response.
    package func fieldValue(now: HTTPDate) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(
            128 + self.name.utf8.count + self.value.utf8.count + (self.path?.utf8.count ?? 0) + (self.domain?.utf8.count ?? 0)
        )
        text.append(contentsOf: self.name.utf8)
        text.append(UInt8(ascii: "="))
        text.append(contentsOf: self.value.utf8)
        if let path {
            text.append(contentsOf: "; Path=".utf8)
            text.append(contentsOf: path.utf8)
        }
        if let domain {
            text.append(contentsOf: "; Domain=".utf8)
            text.append(contentsOf: domain.utf8)
        }
        if let maxAge {
            let parts = maxAge.components
            let seconds = max(parts.seconds + (parts.attoseconds > 0 ? 1 : 0), 0)  // half a second must not delete
            text.append(contentsOf: "; Max-Age=".utf8)
            Decimal.append(Int(seconds), to: &text)
            let end = self.expires ?? (seconds == 0 ? HTTPDate(secondsSinceUnixEpoch: 0) : now.advanced(bySeconds: seconds))
            text.append(contentsOf: "; Expires=".utf8)
            end.append(to: &text)
        } else if let expires {
            text.append(contentsOf: "; Expires=".utf8)
            min(expires, now.advanced(bySeconds: Self.maximumAge.components.seconds)).append(to: &text)
        }
        if self.secure { text.append(contentsOf: "; Secure".utf8) }
        if self.httpOnly { text.append(contentsOf: "; HttpOnly".utf8) }
        if let sameSite {
            text.append(contentsOf: "; SameSite=".utf8)
            text.append(contentsOf: sameSite.rawValue.utf8)
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension SetCookie: CustomStringConvertible {
    /// The name alone: values of cookies are secrets.
    public var description: String { "SetCookie(\(self.name), redacted)" }
}

/// What browsers demand of a cookie.
package enum SetCookieRules {
    private static let maximumPairLength = 4096
    private static let maximumAttributeLength = 1024

    static func check(_ cookie: SetCookie) throws(CookieError) {
        guard !cookie.name.utf8.isEmpty, cookie.name.utf8.allSatisfy({ $0.isTokenByte }) else { throw .invalidName }
        guard self.isValue(cookie.value) else { throw .invalidValue }
        guard cookie.name.utf8.count + cookie.value.utf8.count <= self.maximumPairLength else { throw .tooLarge }
        if let path = cookie.path { try self.check(path: path) }
        if let domain = cookie.domain { try self.check(domain: domain) }
        if let age = cookie.maxAge, age > SetCookie.maximumAge { throw .livesTooLong }
        if cookie.sameSite == SetCookie.SameSite.none, !cookie.secure { throw .needsSecure }
        try self.checkPrefix(cookie)
    }

    // Browsers look at prefixes without regard to case, so the rules hold for every spelling.
    private static func checkPrefix(_ cookie: SetCookie) throws(CookieError) {
        let isHost = self.starts(cookie.name, with: "__host-")
        let isHTTP = self.starts(cookie.name, with: "__http-") || self.starts(cookie.name, with: "__host-http-")
        if isHost || isHTTP || self.starts(cookie.name, with: "__secure-"), !cookie.secure { throw .needsSecure }
        if isHost, cookie.domain != nil || cookie.path != "/" { throw .needsHostOnly }
        if isHTTP, !cookie.httpOnly { throw .needsHTTPOnly }
    }

    /// Whether a name begins with a prefix, as browsers see it.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - prefix: The prefix in lower case.
    package static func starts(_ name: String, with prefix: String) -> Bool {
        name.utf8.count >= prefix.utf8.count
            && zip(name.utf8, prefix.utf8).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 }
    }

    private static func isValue(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in
            let isQuoted = unsafe bytes.count >= 2 && bytes[0] == 0x22 && bytes[bytes.count - 1] == 0x22
            let contents = unsafe isQuoted ? bytes[1..<bytes.count - 1] : bytes[...]
            return unsafe contents.allSatisfy { byte in
                switch byte {
                case 0x21, 0x23...0x2B, 0x2D...0x3A, 0x3C...0x5B, 0x5D...0x7E: true
                default: false
                }
            }
        }
    }

    private static func check(path: String) throws(CookieError) {
        guard path.utf8.count <= self.maximumAttributeLength else { throw .tooLarge }
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ 0x20...0x7E ~= $0 && $0 != UInt8(ascii: ";") }) else {
            throw .invalidPath
        }
    }

    private static func check(domain: String) throws(CookieError) {
        guard domain.utf8.count <= 253 else { throw .tooLarge }
        for label in domain.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            let isLabel = 1...63 ~= label.count && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
            guard isLabel, label.allSatisfy({ self.isLabelByte($0) }) else { throw .invalidDomain }
        }
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// The rule that a cookie breaks, so that browsers would refuse, change or misread it.
package enum CookieError: String, Error, CustomStringConvertible {
    /// The name is not a token.
    case invalidName = "the name of a cookie is a token"
    /// The value has bytes that are not cookie octets.
    case invalidValue = "the value of a cookie is printable ASCII without space, quote, comma, semicolon and backslash"
    /// Browsers would ignore the cookie because of its size.
    case tooLarge = "name and value of a cookie are at most 4096 bytes together, each attribute at most 1024"
    /// The path does not begin with a slash, or holds a semicolon or a control byte.
    case invalidPath = "the path of a cookie begins with a slash and has no control byte or semicolon"
    /// The domain is not a host name.
    case invalidDomain = "the domain of a cookie is a host name"
    /// Browsers would shorten the age.
    case livesTooLong = "a cookie lives 400 days at most"
    /// The prefix or `SameSite=None` demands `Secure`.
    case needsSecure = "a cookie with this prefix or with SameSite=None is Secure"
    /// The prefix `__Host-` demands the path `/` and no domain.
    case needsHostOnly = "a cookie with the prefix __Host- has the path / and no domain"
    /// The prefix demands `HttpOnly`.
    case needsHTTPOnly = "a cookie with the prefix __Http- or __Host-Http- is HttpOnly"

    package var description: String { self.rawValue }
}
