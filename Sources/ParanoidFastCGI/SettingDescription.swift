internal import ParanoidHTTP
internal import ParanoidSessions

/// What a setting is for, and how its value reads.
struct SettingDescription: Sendable {
    let name: String
    let purpose: String
    let value: @Sendable (ApplicationConfiguration) -> String

    init(_ name: String, _ purpose: String, _ value: @escaping @Sendable (ApplicationConfiguration) -> String) {
        self.name = name
        self.purpose = purpose
        self.value = value
    }

    /// All settings; those of a room stand together.
    static let all = Self.guardSettings + Self.signals + Self.cookies + Self.lifetimes + Self.listener + Self.server + Self.store

    private static let guardSettings = [
        Self("PSESSION_PROFILE", "the set of rules that the defaults of the others belong to") { $0.rules.profile.rawValue },
        Self("PSESSION_HTTPS_ONLY", "against listeners on the network: sessions exist over HTTPS only") { "\($0.rules.isHTTPSOnly)" },
        Self("PSESSION_CHECK_HEADERS", "against copied cookies: a request in which one of these parameters differs is refused") {
            $0.sessions.checkedParameters.listed
        },
        Self("PSESSION_NONCE_TIMEOUT", "against copied cookies: age at which a nonce is replaced, so that two holders part") {
            $0.rules.nonceTimeout.seconds
        },
        Self("PSESSION_DELAY_BOUND", "for honest users on slow networks: longest time that a request or an answer is under way") {
            $0.rules.delayBound.seconds
        },
        Self("PSESSION_NONCE_WINDOW", "profile compatible: how many nonces before the current one count") { "\($0.rules.nonceWindow)" },
        Self("PSESSION_NONCE_WINDOW_TIMEOUT", "profile compatible: for how long they count") { $0.rules.nonceWindowTimeout.seconds },
        Self("PSESSION_KEY_TIMEOUT", "against identifiers that leaked long ago: age at which the identifier is replaced") {
            $0.rules.identifierTimeout.seconds
        },
        Self("PSESSION_REUSE", "what follows on proof of a copied jar: the session ends for both, or both are challenged") {
            $0.rules.reuse.rawValue
        },
        Self("PSESSION_REFUSAL", "what a refused request gets: no session, or status 403") { $0.rules.refusal.rawValue },
        Self("PSESSION_CLEAR_SESSION_FUNCTION", "profile compatible: what a refusal does to the session") { $0.rules.clearing.rawValue },
        Self("PSESSION_FILTER_PREFIXES", "paths whose requests are not checked") { $0.sessions.uncheckedPathPrefixes.listed },
        Self("PSESSION_SESSION_KEY", "the name that the application can use for no value of its own") { $0.sessions.reservedKey },
        Self("SESSION_SAVE_EVERY_REQUEST", "whether every request stores its session") { "\($0.rules.savesEveryRequest)" },
    ]

    private static let signals = [
        Self("PSESSION_SIGNALS", "against copied cookies: what a change of the client's network, browser, … means") {
            $0.sessions.signals.map { "\($0.name):\($0.policy.rawValue)" }.listed
        },
        Self("PSESSION_ADDRESS_PREFIX", "for honest users who move: how many bits of an address are its network") {
            "\($0.addressPrefix.version4),\($0.addressPrefix.version6)"
        },
        Self("PARANOID_TRUSTED_PROXIES", "against invented addresses: whose X-Forwarded-For is believed") { $0.trustedProxies.listed },
    ]

    private static let cookies = [
        Self("PSESSION_COOKIE_PREFIX", "against neighbours and forged answers: what browsers promise of the three cookies") {
            $0.sessions.cookies.prefix == .none ? "none" : $0.sessions.cookies.prefix.rawValue
        },
        Self("SESSION_COOKIE_NAME", "cookie of the identifier") { $0.sessions.cookies.sessionName },
        Self("PSESSION_COOKIE_NAME", "cookie of the nonce") { $0.sessions.cookies.nonceName },
        Self("PSESSION_SECURE_COOKIE_NAME", "cookie of the second key") { $0.sessions.cookies.secondName },
        Self("SESSION_COOKIE_SECURE", "against listeners: cookies travel over HTTPS only") { "\($0.sessions.cookies.isSecure)" },
        Self("PSESSION_COOKIE_HTTPONLY", "against scripts in the page: they cannot read the cookies") {
            "\($0.sessions.cookies.isHTTPOnly)"
        },
        Self("SESSION_COOKIE_SAMESITE", "against requests from other sites") { $0.sessions.cookies.sameSite?.rawValue ?? "off" },
        Self("SESSION_COOKIE_DOMAIN", "domain of the cookies; none: this host alone") { $0.sessions.cookies.domain ?? "none" },
        Self("SESSION_COOKIE_PATH", "path of the cookies") { $0.sessions.cookies.path },
        Self("SESSION_EXPIRE_AT_BROWSER_CLOSE", "whether cookies end with the browser") { "\($0.rules.expiresAtBrowserClose)" },
    ]

    private static let lifetimes = [
        Self("SESSION_COOKIE_AGE", "against devices left behind: life of a session after its last write, in seconds") {
            "\($0.rules.lifetime)"
        },
        Self("SESSION_ABSOLUTE_AGE", "against stolen sessions that are kept busy: longest life after the login") {
            $0.rules.absoluteLifetime.orNone
        },
        Self("SESSION_ANONYMOUS_ABSOLUTE_AGE", "the same where nobody is logged in, after its begin") {
            $0.rules.anonymousAbsoluteLifetime.orNone
        },
        Self("SESSION_REMEMBER_AGE", "how long a browser is remembered whose user asked for it") { "\($0.sessions.rememberAge)" },
        Self("SESSION_ANONYMOUS_AGE", "against floods: the same where nobody is logged in") { $0.rules.anonymousLifetime.orNone },
    ]

    private static let listener = [
        Self("PARANOID_LISTEN", "where requests come from") { $0.listen },
        Self("PARANOID_LISTEN_MODE", "against other users of this machine: permission bits of a unix socket") {
            "0" + String($0.listenMode, radix: 8)
        },
        Self("PARANOID_LISTEN_OWNER", "owner of a unix socket; none: the application's user") { $0.listenOwner ?? "none" },
        Self("PARANOID_LISTEN_GROUP", "group of a unix socket; none: the application's group") { $0.listenGroup ?? "none" },
        Self("PARANOID_LISTEN_PEERS", "against other users of this machine: who may connect to a unix socket") { $0.listenPeers.listed },
        Self("PARANOID_LISTEN_CLIENTS", "against other machines: from where TCP connections are taken") { $0.listenClients.listed },
        Self("PARANOID_USER", "who a process started as root becomes before it serves") { $0.user ?? "none" },
        Self("PARANOID_GROUP", "the first group then") { $0.group ?? "none" },
    ]

    private static let server = [
        Self("PARANOID_ENV_FILE", "file of settings, stronger than the environment") { $0.environmentFile ?? "none" },
        Self("PARANOID_WORKERS", "worker processes") { "\($0.workers)" },
        Self("PARANOID_SCALING", "whether the number of workers follows the load") { $0.scaling.rawValue },
        Self("PARANOID_WORKERS_MIN", "the fewest workers when it does") { "\($0.minimumWorkers)" },
        Self("PARANOID_WORKERS_MAX", "the most workers when it does") { "\($0.maximumWorkers)" },
        Self("PARANOID_PARAMETER_LIMIT", "against floods: parameters of a request; 400 beyond") { "\($0.parameterLimit)" },
        Self("PARANOID_PARAMETER_BYTES", "against floods: bytes of their names and values; 400 beyond") { "\($0.parameterBytes)" },
        Self("PARANOID_REQUEST_LIMIT", "against floods: requests that run or wait in a worker; 503 beyond") { "\($0.requestLimit)" },
        Self("PARANOID_RESPONSE_HEAD_WARNING", "bytes of a response's head beyond which the log warns") { "\($0.responseHeadWarning)" },
        Self("PARANOID_LOG_FILE", "file that standard error goes to, opened anew at SIGUSR1") { $0.logFile ?? "none" },
        Self("PARANOID_THREADS", "threads of each") { "\($0.threads)" },
        Self("PARANOID_BODY_LIMIT", "against floods: bytes of a request body; 413 beyond") { "\($0.bodyLimit)" },
        Self("PARANOID_READ_TIMEOUT", "against slow senders: pause within a request") { Optional($0.readTimeout).seconds },
        Self("PARANOID_WRITE_TIMEOUT", "against slow readers: pause within an answer") { Optional($0.writeTimeout).seconds },
        Self("PARANOID_DRAIN_TIMEOUT", "time for running requests when a worker stops") { Optional($0.drainTimeout).seconds },
        Self("PARANOID_REQUEST_DEADLINE", "against handlers that never end: time for a request; 503 beyond") { $0.requestDeadline.seconds },
        Self("PARANOID_REQUEST_GRACE", "time for a handler after that, until its worker is replaced") { Optional($0.requestGrace).seconds },
        Self("PARANOID_MAX_REQUESTS", "against leaks: a worker is replaced after so many requests") { $0.maximumRequests.orNone },
        Self("PARANOID_WORKER_MEMORY", "against leaks: a worker is replaced when it has so many bytes") { $0.workerMemoryLimit.orNone },
        Self("PARANOID_HEARTBEAT_TIMEOUT", "against stuck workers: they are replaced after so long") { $0.heartbeatTimeout.seconds },
        Self("PARANOID_LOG_FORMAT", "text, or json against lines that clients invent") { $0.logFormat.rawValue },
        Self("PARANOID_LOG_LEVEL", "the least weight of lines that are written") { $0.logLevel.rawValue },
    ]

    private static let store = [
        Self("PARANOID_SESSION_DIR", "directory of the session files") { $0.sessionDirectory },
        Self("PARANOID_SECRET_FILE", "file of the server's secrets") { $0.secretFile },
        Self("PARANOID_DURABILITY", "what a commit survives: the death of processes, or loss of power") {
            $0.durability == .power ? "power" : "process"
        },
        Self("PARANOID_SWEEP_INTERVAL", "pause between removals of what has expired") { $0.sweepInterval.seconds },
        Self("PARANOID_SWEEP_RATE", "files that a sweep looks at in a second") { "\($0.sweepRate)" },
        Self("PARANOID_LOCK_TIMEOUT", "against held locks: how long a request waits for its session; 503 beyond") {
            Optional($0.lockTimeout).seconds
        },
        Self("PARANOID_SESSION_VALUE_LIMIT", "against sessions that grow: bytes of one value") {
            "\($0.sessions.valueLimits.valueByteCount)"
        },
        Self("PARANOID_SESSION_LIMIT", "the same for all values of a session") { "\($0.sessions.valueLimits.sessionByteCount)" },
        Self("PARANOID_SESSIONS_PER_USER", "against shared or stolen accounts: sessions of one user") { ($0.limitPerUser?.count).orNone },
        Self("PARANOID_SESSIONS_PER_USER_POLICY", "what gives way at that limit") { "\($0.limitPerUser?.policy.rawValue ?? "oldestEnds")" },
        Self("PARANOID_ANONYMOUS_LIMIT", "against floods: sessions in which nobody is logged in") { $0.anonymousLimit.orNone },
        Self("PARANOID_SPACE_RESERVE", "against floods: percent of space kept for users who are logged in") { "\($0.reservedPercent)" },
        Self("PARANOID_NETWORK_STORE", "whether the sessions may lie on a network file system") { "\($0.allowsNetworkStore)" },
    ]
}

extension ApplicationConfiguration {
    fileprivate var rules: GuardSettings { self.sessions.guardSettings }
}

extension [String] {
    fileprivate var listed: String { self.isEmpty ? "none" : self.joined(separator: ",") }
}

extension Int? {
    fileprivate var orNone: String { self.map { "\($0)" } ?? "none" }
}

extension Duration {
    fileprivate var seconds: String {
        let (whole, parts) = self.components
        if parts == 0 { return "\(whole)" }
        var digits = "\(1_000_000_000 + parts / 1_000_000_000)".dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return "\(whole).\(digits)"
    }
}

extension Duration? {
    fileprivate var seconds: String { self.map { $0.seconds } ?? "none" }
}
