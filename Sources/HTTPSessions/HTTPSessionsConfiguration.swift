public import HTTPHandling
public import SessionSecurity

/// How sessions are recognised and kept over HTTP.
public struct HTTPSessionsConfiguration: Sendable {
    /// The rules of the guard.
    public var guardSettings = GuardSettings()
    /// Names and attributes of the cookies.
    public var cookies = SessionCookieConfiguration()
    /// The request parameters whose values make up the fingerprint (`PSESSION_CHECK_HEADERS`).
    public var checkedParameters = ["REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_USER_AGENT"]
    /// The name the guard's own data go by; the application can neither read nor write it (`PSESSION_SESSION_KEY`).
    public var reservedKey = "PARANOID_SESSION_DATA"
    /// How much the application may store in a session.
    public var valueLimits = SessionValueLimits()
    /// Prefixes of paths whose requests are not checked (`PSESSION_FILTER_PREFIXES`).
    public var uncheckedPathPrefixes: [String] = []
    /// Says whether a request is checked; asked for requests that no prefix excepts (`PSESSION_REQUEST_FILTER_FUNCTION`).
    public var checks: @Sendable (Request) -> Bool = { _ in true }
    /// Told of every request that is refused, before its session is cleared as set (`PSESSION_CLEAR_SESSION_FUNCTION`).
    public var onRejection: @Sendable (Request, GuardReason) -> Void = { _, _ in }
    /// How long a browser is remembered after its user asked for it, in seconds (`SESSION_REMEMBER_AGE`).
    public var rememberAge = 2_592_000
    /// Told when what a browser is remembered by turns out to have been copied, and by whom it was to be remembered.
    public var onTokenTheft: @Sendable (Request, _ user: String) -> Void = { _, _ in }
    /// Where randomness comes from.
    public var randomSource: SessionRandom.Source = SessionRandom.system

    /// Creates the default configuration.
    public init() {}
}
