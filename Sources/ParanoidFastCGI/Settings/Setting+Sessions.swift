internal import ParanoidHTTP
internal import ParanoidSessions

// The settings of sessions: their protection, their cookies and their lifetimes.
extension Setting {
    static let theft = [
        Setting(
            "PSESSION_PROFILE",
            .theft,
            allowed: "one of " + SessionSettings.Profile.allCases.map(\.rawValue).joined(separator: ", "),
            "The set of rules that gives other settings their defaults: paranoid, balanced for busy public sites, or compatible with "
                + "django-paranoid-sessions 0.2.0.",
            show: { $0.rules.profile.rawValue },
            read: { text, configuration in
                guard let profile = SettingKind<SessionSettings.Profile>.choice().parse(text) else { return false }
                // The rules of the profile that is in force already may have been changed since.
                if profile != configuration.rules.profile { configuration.sessions.apply(profile) }
                return true
            }
        ),
        Setting(
            "PSESSION_HTTPS_ONLY",
            .theft,
            at: \.rules.isHTTPSOnly,
            .flag,
            "Whether sessions exist over HTTPS only: over plain HTTP no session is read, and a request that writes one gets status 403.",
            against: "listeners on the network"
        ),
        Setting(
            "PSESSION_CHECK_HEADERS",
            .theft,
            at: \.sessions.checkedParameters,
            .list("names of parameters such as REMOTE_ADDR,HTTP_USER_AGENT", where: SettingText.isParameterName),
            "Request parameters whose values must not change during a session; a request in which one differs is refused.",
            against: "copied cookies"
        ),
        Setting(
            "PSESSION_SIGNALS",
            .theft,
            allowed: "NAME:POLICY, separated by commas, with address, agent, language, hints or a parameter as NAME, and off, log, rotate, "
                + "challenge or end as POLICY",
            "What a change of the client means: of its network (address), browser and platform (agent), languages, client hints, or any "
                + "request parameter. Signals that are not named keep the policy of the profile.",
            against: "copied cookies",
            show: { SettingKind<[String]>.list("").format($0.sessions.signals.map { "\($0.name):\($0.policy.rawValue)" }) },
            read: { text, configuration in
                for item in SettingText.items(of: text) {
                    let parts = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                    let known = [SignalRule.address, SignalRule.agent, SignalRule.language, SignalRule.hints]
                    guard parts.count == 2, known.contains(parts[0]) || SettingText.isParameterName(parts[0]),
                        let policy = SignalPolicy(rawValue: parts[1])
                    else { return false }
                    configuration.sessions.signals.removeAll { $0.name == parts[0] }
                    configuration.sessions.signals.append(SignalRule(parts[0], policy))
                }
                return true
            }
        ),
        Setting(
            "PSESSION_ADDRESS_PREFIX",
            .theft,
            at: \.addressPrefix,
            SettingKind(
                "bits for IPv4 (8 to 32) and IPv6 (16 to 128), such as 24,64",
                parse: { text in
                    let bits = SettingText.items(of: text).map { SettingText.digits($0) ?? -1 }
                    guard bits.count == 2, 8...32 ~= bits[0], 16...128 ~= bits[1] else { return nil }
                    return AddressPrefixLengths(version4: bits[0], version6: bits[1])
                },
                format: { "\($0.version4),\($0.version6)" }
            ),
            "How many leading bits of an IPv4 and an IPv6 address are the network that the signal address compares."
        ),
        Setting(
            "PARANOID_TRUSTED_PROXIES",
            .theft,
            at: \.trustedProxies,
            .networks,
            "Proxies whose X-Forwarded-For field is believed; the field is read from right to left.",
            against: "invented addresses"
        ),
        Setting(
            "PSESSION_NONCE_TIMEOUT",
            .theft,
            atOptional: \.rules.nonceTimeout,
            .seconds(),
            "Age at which a nonce is replaced, in the profiles paranoid and balanced never less than twice PSESSION_DELAY_BOUND; none "
                + "switches nonces off.",
            against: "copied cookies"
        ),
        Setting(
            "PSESSION_DELAY_BOUND",
            .theft,
            at: \.rules.delayBound,
            .seconds(),
            "Profiles paranoid and balanced: longest time that a request or a response is under way. A replaced secret that arrives later "
                + "is proof of a copy."
        ),
        Setting(
            "PSESSION_ARRIVAL_BOUND",
            .theft,
            at: \.rules.arrivalBound,
            .seconds(),
            "Profiles paranoid and balanced: how long before now a request can have arrived. A request that took longer counts as one that "
                + "arrived then: it gets no new nonce and proves nothing.",
            against: "copied cookies in requests that are held open"
        ),
        Setting(
            "PSESSION_NONCE_WINDOW",
            .theft,
            at: \.rules.nonceWindow,
            .number(0...1000),
            "Profile compatible: how many nonces before the current one are accepted."
        ),
        Setting(
            "PSESSION_NONCE_WINDOW_TIMEOUT",
            .theft,
            atOptional: \.rules.nonceWindowTimeout,
            .seconds(),
            "Profile compatible: how long the nonces of PSESSION_NONCE_WINDOW are accepted after their replacement; none means for ever."
        ),
        Setting(
            "PSESSION_KEY_TIMEOUT",
            .theft,
            atOptional: \.rules.identifierTimeout,
            .seconds(),
            "Age at which the session identifier is replaced; none means never.",
            against: "identifiers that leaked long ago"
        ),
        Setting(
            "PSESSION_REUSE",
            .theft,
            at: \.rules.reuse,
            .choice(),
            "What follows on proof that two parties hold copies of one cookie jar: end ends the session, challenge withholds it from all who "
                + "hold the cookies until the user gives the password. A session without a user ends.",
            against: "copied cookies"
        ),
        Setting(
            "PSESSION_IGNORED_COOKIES",
            .theft,
            at: \.rules.ignoredCookies,
            .choice(),
            "Profiles paranoid and balanced: what follows when a client was given new cookie values in five rounds, each more than twice "
                + "PSESSION_DELAY_BOUND after the one before, and has shown none. off: nothing; log: an event; challenge: the session is "
                + "withheld until the user gives the password, and an event where there is no user; end: the session ends.",
            against: "scripts with copied cookies"
        ),
        Setting(
            "PSESSION_REFUSAL",
            .theft,
            at: \.rules.refusal,
            .choice(),
            "Profiles paranoid and balanced: what a refused request gets, no session (anonymous) or status 403 (forbid)."
        ),
        Setting(
            "PSESSION_CLEAR_SESSION_FUNCTION",
            .theft,
            at: \.rules.clearing,
            .choice(),
            "Profile compatible: what a refusal does to the session. flush ends it, wipe removes its values, noop does nothing and is for "
                + "tests."
        ),
        Setting(
            "PSESSION_FILTER_PREFIXES",
            .theft,
            at: \.sessions.uncheckedPathPrefixes,
            .list("path prefixes that begin with a slash", where: { $0.utf8.first == UInt8(ascii: "/") }),
            "Path prefixes whose requests are not checked."
        ),
        Setting(
            "PSESSION_SESSION_KEY",
            .theft,
            at: \.sessions.reservedKey,
            .text(),
            "Session key that the application cannot use for a value of its own."
        ),
        Setting(
            "SESSION_SAVE_EVERY_REQUEST",
            .theft,
            at: \.rules.savesEveryRequest,
            .flag,
            "Whether every request stores its session."
        ),
    ]

    static let cookies = [
        Setting(
            "SESSION_COOKIE_NAME",
            .cookies,
            at: \.sessions.cookies.sessionName,
            .text(),
            "Name of the identifier's cookie, without the prefix of PSESSION_COOKIE_PREFIX. With the prefix __Host- it ends in -1, -2 or -3 after a login.",
            default: "`sessionid`, behind it the path of `PARANOID_MOUNT` with dots for slashes and tildes for hyphens",
            derive: { configuration, _ in configuration.sessions.cookies.sessionName += configuration.mount.cookieSuffix }
        ),
        Setting(
            "PSESSION_COOKIE_NAME",
            .cookies,
            at: \.sessions.cookies.nonceName,
            .text(),
            "Name of the nonce's cookie, without the prefix of PSESSION_COOKIE_PREFIX.",
            default: "`sessionnonce`, behind it as with `SESSION_COOKIE_NAME`",
            derive: { configuration, _ in configuration.sessions.cookies.nonceName += configuration.mount.cookieSuffix }
        ),
        Setting(
            "PSESSION_SECURE_COOKIE_NAME",
            .cookies,
            at: \.sessions.cookies.secondName,
            .text(),
            "Name of the secure key's cookie, which exists over HTTPS only, without the prefix of PSESSION_COOKIE_PREFIX.",
            default: "`sessionid_https`, behind it as with `SESSION_COOKIE_NAME`",
            derive: { configuration, _ in configuration.sessions.cookies.secondName += configuration.mount.cookieSuffix }
        ),
        Setting(
            "SESSION_COOKIE_SECURE",
            .cookies,
            at: \.sessions.cookies.isSecure,
            .flag,
            "Whether the cookies of identifier and nonce travel over HTTPS only.",
            against: "listeners on the network",
            default: "as `PSESSION_HTTPS_ONLY`; `compatible`: `false`",
            derive: { configuration, _ in
                if !configuration.rules.profile.isCompatible { configuration.sessions.cookies.isSecure = configuration.rules.isHTTPSOnly }
            }
        ),
        Setting(
            "PSESSION_COOKIE_HTTPONLY",
            .cookies,
            at: \.sessions.cookies.isHTTPOnly,
            .flag,
            "Whether scripts in a page cannot read the three cookies.",
            against: "scripts that somebody smuggled into a page"
        ),
        Setting(
            "SESSION_COOKIE_SAMESITE",
            .cookies,
            at: \.sessions.cookies.sameSite,
            SettingKind<SetCookie.SameSite?>(
                "Lax, Strict, None, or off for no attribute",
                parse: { text in
                    switch text {
                    case "Lax": .some(.lax)
                    case "Strict": .some(.strict)
                    case "None": .some(SetCookie.SameSite.none)
                    case "off": .some(nil)
                    default: nil
                    }
                },
                format: { $0?.rawValue ?? "off" }
            ),
            "Which requests from other sites carry the three cookies.",
            against: "requests forged by other sites"
        ),
        Setting(
            "SESSION_COOKIE_DOMAIN",
            .cookies,
            at: \.sessions.cookies.domain,
            .optionalText("a domain"),
            "Domain of the three cookies; none means this host alone."
        ),
        Setting(
            "SESSION_COOKIE_PATH",
            .cookies,
            at: \.sessions.cookies.path,
            .text("a path that begins with a slash"),
            "Path of the three cookies.",
            default: "`/`; `compatible`: that of `PARANOID_MOUNT`",
            derive: { configuration, _ in
                // With the prefix __Host- the path is /, and the names keep applications apart.
                if configuration.rules.profile.isCompatible, !configuration.mount.isRoot {
                    configuration.sessions.cookies.path = configuration.mount.path
                }
            }
        ),
        Setting(
            "PSESSION_COOKIE_PREFIX",
            .cookies,
            at: \.sessions.cookies.prefix,
            SettingKind<SessionCookieConfiguration.Prefix>(
                "__Host-, __Host-Http-, __Secure-, or none",
                parse: { text in
                    if text == "none" { return SessionCookieConfiguration.Prefix.none }
                    guard let prefix = SessionCookieConfiguration.Prefix(rawValue: text), prefix != .none else { return nil }
                    return prefix
                },
                format: { $0 == .none ? "none" : $0.rawValue }
            ),
            "Prefix of the three cookies' names, by which browsers know what they have to promise of a cookie.",
            against: "neighbouring hosts and forged responses",
            default: "the strongest that fits: `__Host-`, with a domain or path `__Secure-`, over plain HTTP and with `compatible` `none`",
            derive: { configuration, _ in
                var cookies = configuration.sessions.cookies
                if configuration.rules.profile.isCompatible || !cookies.isSecure {
                    cookies.prefix = .none
                } else {
                    cookies.prefix = cookies.domain == nil && cookies.path == "/" ? .host : .secure
                }
                configuration.sessions.cookies = cookies
            }
        ),
        Setting(
            "SESSION_EXPIRE_AT_BROWSER_CLOSE",
            .cookies,
            at: \.rules.expiresAtBrowserClose,
            .flag,
            "Whether the three cookies end with the browser."
        ),
    ]

    private static let age = 1...Int(Int32.max)

    static let lifetimes = [
        Setting(
            "SESSION_COOKIE_AGE",
            .lifetimes,
            at: \.rules.lifetime,
            .wholeSeconds(Self.age),
            "Idle timeout: life of a session and its cookies after its last use, in profile compatible after its last write.",
            against: "devices left behind"
        ),
        Setting(
            "SESSION_ABSOLUTE_AGE",
            .lifetimes,
            atOptional: \.rules.absoluteLifetime,
            .wholeSeconds(Self.age),
            "Absolute timeout: longest life of a session after its user last proved an identity, however much it is used. Profile compatible "
                + "has none.",
            against: "stolen sessions that are kept busy"
        ),
        Setting(
            "SESSION_ANONYMOUS_AGE",
            .lifetimes,
            atOptional: \.rules.anonymousLifetime,
            .wholeSeconds(Self.age),
            "Idle timeout of a session in which nobody is logged in; none means SESSION_COOKIE_AGE.",
            against: "floods of sessions"
        ),
        Setting(
            "SESSION_ANONYMOUS_ABSOLUTE_AGE",
            .lifetimes,
            atOptional: \.rules.anonymousAbsoluteLifetime,
            .wholeSeconds(Self.age),
            "Absolute timeout of a session in which nobody is logged in, counted from its creation. Profile compatible has none.",
            against: "stolen sessions that are kept busy"
        ),
        Setting(
            "SESSION_REMEMBER_AGE",
            .lifetimes,
            at: \.sessions.rememberAge,
            .wholeSeconds(1...34_560_000),
            "How long a browser is remembered whose user asked to stay logged in."
        ),
    ]
}

extension ApplicationConfiguration {
    /// The rules of the guard, which many settings are about.
    fileprivate var rules: GuardSettings {
        get { self.sessions.guardSettings }
        set { self.sessions.guardSettings = newValue }
    }
}
