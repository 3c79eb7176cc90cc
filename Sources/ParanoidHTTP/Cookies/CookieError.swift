/// Why a cookie must not be sent.
public struct CookieError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case name = "the name of a cookie is a token"
        case value = "the value of a cookie is printable ASCII without space, quote, comma, semicolon and backslash"
        case size = "name and value of a cookie are at most 4096 bytes together, each attribute at most 1024"
        case path = "the path of a cookie begins with a slash and has no control byte or semicolon"
        case domain = "the domain of a cookie is a host name"
        case age = "a cookie lives 400 days at most"
        case secure = "a cookie with this prefix or with SameSite=None is Secure"
        case host = "a cookie with the prefix __Host- has the path / and no domain"
        case http = "a cookie with the prefix __Http- or __Host-Http- is HttpOnly"
    }

    private let kind: Kind

    /// The name is not a token.
    public static let invalidName = Self(kind: .name)
    /// The value has bytes that are not cookie octets.
    public static let invalidValue = Self(kind: .value)
    /// Browsers would ignore the cookie because of its size.
    public static let tooLarge = Self(kind: .size)
    /// The path is none.
    public static let invalidPath = Self(kind: .path)
    /// The domain is none.
    public static let invalidDomain = Self(kind: .domain)
    /// The life is longer than browsers allow.
    public static let livesTooLong = Self(kind: .age)
    /// The cookie has to be Secure.
    public static let needsSecure = Self(kind: .secure)
    /// The cookie has to have the path `/` and no domain.
    public static let needsHostOnly = Self(kind: .host)
    /// The cookie has to be HttpOnly.
    public static let needsHTTPOnly = Self(kind: .http)

    /// What is allowed, in words.
    public var description: String { self.kind.rawValue }
}
