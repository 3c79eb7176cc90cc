public import ParanoidHTTP

/// How sessions are recognised and kept over HTTP.
public struct SessionSettings: Sendable {
    /// A set of rules.
    package enum Profile: String, Sendable, Hashable, CaseIterable {
        /// As the Django package of 2009: a session for every visitor from the first checked request on.
        case compatible
        /// A session comes to be only when the application writes to it, is bound at once, and ends only when a theft is proven.
        case paranoid
        /// As `paranoid`, for busy public sites: nonces live longer, and fewer changes of a client are taken seriously.
        case balanced
    }

    /// The rules of the guard.
    package var guardSettings: GuardSettings
    /// Names and attributes of the cookies.
    package var cookies: SessionCookieConfiguration
    /// The request parameters whose values make up the fingerprint, none of which may change (`PSESSION_CHECK_HEADERS`).
    package var checkedParameters: [String]
    /// What is noted of a client, and what a change means (`PSESSION_SIGNALS`).
    package var signals: [SignalRule]
    /// The network that an address lies in, as bytes to be compared; the address itself unless something better is set.
    package var network: @Sendable (_ address: String) -> [UInt8] = { Array($0.utf8) }
    /// Asked when a session is withheld; what it decides happens.
    ///
    /// It may suspend. `request.session` can be read in it, as in all hooks that get a request; a change throws
    /// ``SessionError/insideHook``.
    public var onChallenge: @Sendable (Request, SessionChallenge) async -> SessionChallenge.Decision = { _, _ in .withhold }
    /// Told of everything that happens to sessions; called on the request's thread, so it must be quick.
    public var onEvent: @Sendable (SessionEvent) -> Void = { _ in }
    /// The name the guard's own data go by; the application can neither read nor write it (`PSESSION_SESSION_KEY`).
    package var reservedKey = "PARANOID_SESSION_DATA"
    /// How much the application may store in a session.
    package var valueLimits = SessionValueLimits()
    /// Prefixes of paths whose requests are not checked (`PSESSION_FILTER_PREFIXES`).
    package var uncheckedPathPrefixes: [String] = []
    /// Says whether a request is checked; asked for requests that no prefix excepts (`PSESSION_REQUEST_FILTER_FUNCTION`).
    public var checks: @Sendable (Request) -> Bool = { _ in true } {
        didSet { self.checksAll = false }
    }
    /// Whether the application was never given a say in ``checks``.
    private(set) var checksAll = true
    /// Told of every request that is refused, before its session is cleared as set (`PSESSION_CLEAR_SESSION_FUNCTION`).
    package var onRejection: @Sendable (Request, GuardReason) -> Void = { _, _ in }
    /// How long a browser is remembered after its user asked for it (`SESSION_REMEMBER_AGE`).
    package var rememberAge: Duration = .seconds(2_592_000)
    /// Where randomness comes from.
    package var randomSource: SessionRandom.Source = SessionRandom.system
    /// Hears what happens to sessions, before the application does.
    package var observe: @Sendable (SessionEvent) -> Void = { _ in }

    /// Creates the default configuration of a profile.
    package init(profile: Profile = .paranoid) {
        self.guardSettings = GuardSettings(profile: profile)
        self.cookies = SessionCookieConfiguration(profile: profile)
        self.checkedParameters = profile.isCompatible ? ["REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_USER_AGENT"] : []
        self.signals = SignalRule.defaults(of: profile)
    }

    /// Goes over to a profile: its rules, cookies, headers and signals; everything else stays.
    package mutating func apply(_ profile: Profile) {
        let defaults = SessionSettings(profile: profile)
        self.guardSettings = defaults.guardSettings
        self.cookies = defaults.cookies
        self.checkedParameters = defaults.checkedParameters
        self.signals = defaults.signals
    }
}

/// How much an application may store in a session.
///
/// Checked when a value is set, not when the request commits: the handler that asks for too much is the one that hears of it.
package struct SessionValueLimits: Sendable, Hashable {
    /// The most bytes of one encoded value (`PARANOID_SESSION_VALUE_LIMIT`).
    package var valueByteCount = 64 * 1024
    /// The most bytes of all values of a session together, names included (`PARANOID_SESSION_LIMIT`).
    package var sessionByteCount = 240 * 1024
    /// How deeply arrays and objects of a value may be nested.
    package var depth = 64

    /// Creates the default limits.
    package init() {}

    func check(_ value: [UInt8]) throws(SessionError) {
        if value.count > self.valueByteCount { throw .valueTooLarge }
        if SessionValueCoding.isJSON(value), !JSONDepth.isWithin(self.depth, value.span) { throw .valueTooDeep }
    }

    func check(total: Int) throws(SessionError) {
        if total > self.sessionByteCount { throw .sessionTooLarge }
    }
}
