internal import ParanoidHTTP
internal import ParanoidSessions

// The settings of the guard and of the session cookies.
extension ApplicationConfiguration {
    mutating func readGuard(_ reader: SettingsReader) throws(ConfigurationError) {
        let profile = try reader.choice("PSESSION_PROFILE", GuardSettings.Profile.paranoid)
        self.sessions.apply(profile)
        var settings = self.sessions.guardSettings
        settings.isHTTPSOnly = try reader.flag("PSESSION_HTTPS_ONLY", settings.isHTTPSOnly)
        settings.reuse = try reader.choice("PSESSION_REUSE", settings.reuse)
        settings.nonceTimeout = try reader.seconds("PSESSION_NONCE_TIMEOUT", settings.nonceTimeout)
        settings.nonceWindow = try reader.number("PSESSION_NONCE_WINDOW", settings.nonceWindow, in: 0...1000)
        settings.nonceWindowTimeout = try reader.seconds("PSESSION_NONCE_WINDOW_TIMEOUT", settings.nonceWindowTimeout)
        settings.identifierTimeout = try reader.seconds("PSESSION_KEY_TIMEOUT", settings.identifierTimeout)
        settings.delayBound = try reader.seconds("PSESSION_DELAY_BOUND", settings.delayBound, canBeNone: false) ?? settings.delayBound
        settings.refusal = try reader.choice("PSESSION_REFUSAL", settings.refusal)
        settings.anonymousLifetime = try reader.optionalNumber("SESSION_ANONYMOUS_AGE", nil, in: 1...Int(Int32.max))
        try Self.readLifetimes(reader, into: &settings)
        settings.clearing = try reader.choice("PSESSION_CLEAR_SESSION_FUNCTION", settings.clearing)
        settings.lifetime = try reader.number("SESSION_COOKIE_AGE", settings.lifetime, in: 1...Int(Int32.max))
        settings.expiresAtBrowserClose = try reader.flag("SESSION_EXPIRE_AT_BROWSER_CLOSE", settings.expiresAtBrowserClose)
        settings.savesEveryRequest = try reader.flag("SESSION_SAVE_EVERY_REQUEST", settings.savesEveryRequest)
        self.sessions.guardSettings = settings
        self.sessions.rememberAge = try reader.number("SESSION_REMEMBER_AGE", self.sessions.rememberAge, in: 1...34_560_000)

        self.sessions.checkedParameters = reader.list("PSESSION_CHECK_HEADERS", self.sessions.checkedParameters)
        for name in self.sessions.checkedParameters where !Self.isParameterName(name) {
            throw reader.unusable("PSESSION_CHECK_HEADERS", name, "names of parameters such as REMOTE_ADDR,HTTP_USER_AGENT, or nothing")
        }
        try self.readSignals(reader)
        self.sessions.reservedKey = try reader.nonEmpty("PSESSION_SESSION_KEY", self.sessions.reservedKey)
        self.sessions.uncheckedPathPrefixes = reader.list("PSESSION_FILTER_PREFIXES", [])
        for prefix in self.sessions.uncheckedPathPrefixes where prefix.utf8.first != UInt8(ascii: "/") {
            throw reader.unusable("PSESSION_FILTER_PREFIXES", prefix, "path prefixes that begin with a slash")
        }
    }

    /// The rules of the profile, each replaced by the one that is set for the same signal.
    private mutating func readSignals(_ reader: SettingsReader) throws(ConfigurationError) {
        let allowed = "NAME:POLICY, with address, agent, language, hints or a parameter, and off, log, rotate, challenge or end"
        for text in reader.list("PSESSION_SIGNALS", []) {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let known = [SignalRule.address, SignalRule.agent, SignalRule.language, SignalRule.hints]
            guard parts.count == 2, known.contains(parts[0]) || Self.isParameterName(parts[0]),
                let policy = SignalPolicy(rawValue: parts[1])
            else { throw reader.unusable("PSESSION_SIGNALS", text, allowed) }
            self.sessions.signals.removeAll { $0.name == parts[0] }
            self.sessions.signals.append(SignalRule(parts[0], policy))
        }
        let bits = reader.list("PSESSION_ADDRESS_PREFIX", ["24", "64"]).map { Int($0) ?? -1 }
        guard bits.count == 2, 8...32 ~= bits[0], 16...128 ~= bits[1] else {
            throw reader.unusable(
                "PSESSION_ADDRESS_PREFIX",
                reader.text("PSESSION_ADDRESS_PREFIX") ?? "",
                "bits for IPv4 and IPv6, such as 24,64"
            )
        }
        self.addressPrefix = (bits[0], bits[1])
        self.trustedProxies = reader.list("PARANOID_TRUSTED_PROXIES", [])
        for proxy in self.trustedProxies where NetworkPrefix(proxy) == nil {
            throw reader.unusable("PARANOID_TRUSTED_PROXIES", proxy, "addresses and networks such as 10.0.0.0/8")
        }
    }

    mutating func readCookies(_ reader: SettingsReader) throws(ConfigurationError) {
        var cookies = self.sessions.cookies
        cookies.sessionName = try reader.nonEmpty("SESSION_COOKIE_NAME", cookies.sessionName)
        cookies.nonceName = try reader.nonEmpty("PSESSION_COOKIE_NAME", cookies.nonceName)
        cookies.secondName = try reader.nonEmpty("PSESSION_SECURE_COOKIE_NAME", cookies.secondName)
        cookies.path = try reader.nonEmpty("SESSION_COOKIE_PATH", cookies.path)
        let domain = reader.text("SESSION_COOKIE_DOMAIN")
        cookies.domain = domain == "" || domain?.lowercased() == "none" ? nil : domain
        let isHTTPSOnly = self.sessions.guardSettings.isHTTPSOnly
        if !self.sessions.guardSettings.profile.isCompatible { cookies.isSecure = isHTTPSOnly }
        cookies.isSecure = try reader.flag("SESSION_COOKIE_SECURE", cookies.isSecure)
        cookies.prefix = try self.readPrefix(reader, of: cookies)
        cookies.isHTTPOnly = try reader.flag("PSESSION_COOKIE_HTTPONLY", cookies.isHTTPOnly)
        switch reader.text("SESSION_COOKIE_SAMESITE") {
        case nil: break
        case "Lax": cookies.sameSite = .lax
        case "Strict": cookies.sameSite = .strict
        case "None": cookies.sameSite = SetCookie.SameSite.none
        case "off": cookies.sameSite = nil
        case let text?: throw reader.unusable("SESSION_COOKIE_SAMESITE", text, "Lax, Strict, None, or off for no attribute")
        }
        let names = [cookies.sessionName, cookies.nonceName, cookies.secondName]
        guard Set(names).count == names.count else {
            throw ConfigurationError(setting: "SESSION_COOKIE_NAME", problem: "the three session cookies need three names")
        }
        if isHTTPSOnly && !cookies.isSecure {
            throw ConfigurationError(setting: "SESSION_COOKIE_SECURE", problem: "sessions exist over HTTPS only, see PSESSION_HTTPS_ONLY")
        }
        if let (name, rule) = cookies.problem() {
            let settings = [
                cookies.sessionName: "SESSION_COOKIE_NAME", cookies.nonceName: "PSESSION_COOKIE_NAME",
                cookies.secondName: "PSESSION_SECURE_COOKIE_NAME",
            ]
            throw ConfigurationError(
                setting: settings[name] ?? "SESSION_COOKIE_NAME",
                problem: "with this name and the SESSION_COOKIE_* attributes as set, browsers refuse the cookie: \(rule)"
            )
        }
        self.sessions.cookies = cookies
    }

    private func readPrefix(
        _ reader: SettingsReader,
        of cookies: SessionCookieConfiguration
    ) throws(ConfigurationError) -> SessionCookieConfiguration.Prefix {
        switch reader.text("PSESSION_COOKIE_PREFIX") {
        case nil:
            // The strongest that browsers would take.
            if self.sessions.guardSettings.profile.isCompatible || !cookies.isSecure { return .none }
            return cookies.domain == nil && cookies.path == "/" ? .host : .secure
        case "none": return .none
        case let text?:
            guard let prefix = SessionCookieConfiguration.Prefix(rawValue: text), prefix != .none else {
                throw reader.unusable("PSESSION_COOKIE_PREFIX", text, "__Host-, __Host-Http-, __Secure-, or none")
            }
            return prefix
        }
    }

    private static func isParameterName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "_")
            }
    }
}
