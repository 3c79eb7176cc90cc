internal import FastCGIServer
package import FileSessionStore
package import Logging
public import ParanoidHTTP
package import ParanoidLinux
public import ParanoidSessions

/// All settings of an application as one value.
///
/// The page <doc:Settings> describes each setting. Settings come from the environment (``fromEnvironment()``) or from a dictionary of the same
/// names and texts (``init(environment:)``). The properties are for what no text can say, such as closures.
public struct ApplicationConfiguration: Sendable {
    // MARK: Listener and user

    /// Where FastCGI connections come from (`PARANOID_LISTEN`).
    ///
    /// `unix:PATH`, `HOST:PORT`, `[IPV6]:PORT`, `inherited` for a listening socket on descriptor 0, `systemd` or `systemd:NAME` for a socket
    /// that a service manager has opened.
    package var listen: String
    package var listenMode: UInt32 = 0o660
    package var listenOwner: String?
    package var listenGroup: String?
    package var listenPeers: [String] = []
    package var listenClients: [String] = []
    package var user: String?
    package var group: String?

    // MARK: Processes

    /// The number of worker processes, at most 256; 0 serves in this process (`PARANOID_WORKERS`).
    package var workers = 2
    package var scaling = Scaling.fixed
    package var minimumWorkers = 1
    package var maximumWorkers = 8
    /// The number of threads of each worker, 1 to 512 (`PARANOID_THREADS`).
    package var threads = 8
    package var requestsPerWorker: Int?
    package var workerMemoryLimit: Int?
    package var heartbeatTimeout: Duration? = .seconds(30)
    package var drainTimeout: Duration = .seconds(30)
    package var environmentFile: String?
    /// Whether ``Application/run()`` answers SIGTERM and SIGINT, and ends a process that cannot serve with one line on standard error and an
    /// exit code (`sysexits.h`).
    ///
    /// `false` where a `ServiceGroup` handles signals and errors.
    public var handlesSignals = true

    // MARK: Requests

    /// Where on its host the application runs (`PARANOID_MOUNT`).
    package var mount = MountPoint.root
    /// The most bytes of a request's body; a request with more gets status 413 (`PARANOID_BODY_LIMIT`).
    package var bodyLimit = 2 * 1024 * 1024
    package var parameterLimit = 1024
    package var parameterBytes = 65_536
    package var runningRequestLimit = 4096
    package var readTimeout: Duration = .seconds(30)
    package var writeTimeout: Duration = .seconds(30)
    /// How long a request may take before it is cancelled and answered with status 503; `nil`: for ever (`PARANOID_REQUEST_DEADLINE`).
    package var requestDeadline: Duration?
    package var requestGrace: Duration = .seconds(5)
    package var responseHeadWarning = 4088
    /// Header fields of every response, such as `SecurityHeaders.recommended`; none unless the application sets them.
    public var securityHeaders = SecurityHeaders()
    /// Addresses and networks whose `X-Forwarded-For` field is believed, such as `10.0.0.0/8` (`PARANOID_TRUSTED_PROXIES`).
    package var trustedProxies: [String] = []
    package var forwarding = ForwardingRules()
    package var addressPrefix = AddressPrefixLengths()

    // MARK: Sessions

    /// How sessions are recognised and protected.
    public var sessions = SessionSettings()
    /// Where the sessions are kept (`PARANOID_STORE`).
    package var store = SessionStoreChoice.files
    /// Where sessions come from that have not moved to ``store`` yet (`PARANOID_STORE_FROM`); `nil`: from nowhere.
    package var previousStore: SessionStoreChoice?
    /// The directory that holds the session files (`PARANOID_SESSION_DIR`).
    package var sessionDirectory: String
    /// The file that holds the server's secrets (`PARANOID_SECRET_FILE`).
    package var secretFile: String
    package var durability = SessionDurability.process
    package var lockTimeout: Duration = .seconds(2)
    package var sweepInterval: Duration? = .seconds(60)
    package var sweepRate = 10_000
    /// The most sessions of one user at a time; `nil`: any number (`PARANOID_SESSIONS_PER_USER`).
    package var sessionsPerUser: Int?
    package var sessionsPerUserPolicy = SessionLimit.Policy.oldestEnds
    package var anonymousLimit: Int?
    package var reservedPercent = 5
    package var allowsNetworkStore = false

    // MARK: Status

    /// Where the status is asked for (`PARANOID_STATUS`); `nil`: nowhere.
    package var status: String?
    package var statusMode: UInt32 = 0o600
    package var statusClients = ["127.0.0.0/8", "::1"]

    // MARK: Log

    package var eventFile: String?
    package var accessLog: String?
    package var accessLogFormat = "json"
    package var slowRequest: Duration?
    package var logFile: String?
    /// The form of log lines (`PARANOID_LOG_FORMAT`).
    package var logFormat = LogFormat.text
    /// The lowest level of log lines that are written (`PARANOID_LOG_LEVEL`).
    package var logLevel = Logger.Level.info

    // MARK: Origin

    /// The environment that the settings were read from, for settings of the application's own.
    public var environment: [String: String] = [:]
    /// What lives as long as the settings do: in tests, their directory.
    package var lifetime: (any Sendable)?
    /// The names that the file of `PARANOID_ENV_FILE` has set.
    package var namesFromFile: Set<String> = []

    /// How the number of workers is found.
    package enum Scaling: String, Sendable, Hashable, CaseIterable {
        /// It is always ``ApplicationConfiguration/workers``.
        case fixed = "static"
        /// It follows the load, between ``ApplicationConfiguration/minimumWorkers`` and ``ApplicationConfiguration/maximumWorkers``.
        case dynamic
    }

    /// Creates default settings with everything in one state directory.
    public init(stateDirectory: String) {
        self.listen = "unix:\(stateDirectory)/app.sock"
        self.sessionDirectory = "\(stateDirectory)/sessions"
        self.secretFile = "\(stateDirectory)/secret"
    }

    // MARK: Checks

    /// The settings that give a mounted application's cookie the name that it has by default in an application at the root of the host: browsers
    /// send both, and each application takes the other's cookie for a broken one of its own.
    package var sharedCookieNames: [String] {
        if self.mount.isRoot { return [] }
        let cookies = self.sessions.cookies
        let others = SessionCookieConfiguration()
        let names = [
            ("SESSION_COOKIE_NAME", cookies.sessionName), ("PSESSION_COOKIE_NAME", cookies.nonceName),
            ("PSESSION_SECURE_COOKIE_NAME", cookies.secondName),
        ]
        return names.filter { [others.sessionName, others.nonceName, others.secondName].contains($0.1) }.map(\.0)
    }

    /// Checks every value by the table of settings, and then what settings demand of one another; pure.
    ///
    /// - Throws: ``ConfigurationError`` for the first value that cannot be used.
    package func check() throws(ConfigurationError) {
        for setting in Setting.all { try setting.check(self) }
        try self.checkStore()
        try self.checkListener()
        try self.checkCookies()
        if self.scaling == .dynamic, self.minimumWorkers > self.maximumWorkers {
            throw ConfigurationError(setting: "PARANOID_WORKERS_MIN", problem: "it is above PARANOID_WORKERS_MAX (\(self.maximumWorkers))")
        }
        if self.forwarding.believesProtocol, self.trustedProxies.isEmpty {
            throw ConfigurationError(setting: "PARANOID_FORWARDED_PROTO", problem: "it needs PARANOID_TRUSTED_PROXIES beside it")
        }
        // A setting that does nothing does not protect.
        let rules = self.sessions.guardSettings
        guard rules.profile.isCompatible else { return }
        let ages = [
            ("SESSION_ABSOLUTE_AGE", rules.absoluteLifetime != nil),
            ("SESSION_ANONYMOUS_ABSOLUTE_AGE", rules.anonymousAbsoluteLifetime != nil),
        ]
        for (name, isSet) in ages where isSet {
            throw ConfigurationError(setting: name, problem: "profile compatible has no absolute timeout; use another PSESSION_PROFILE")
        }
    }

    private func checkStore() throws(ConfigurationError) {
        if let problem = self.store.problem { throw ConfigurationError(setting: "PARANOID_STORE", problem: problem) }
        guard let previous = self.previousStore else { return }
        if let problem = previous.problem { throw ConfigurationError(setting: "PARANOID_STORE_FROM", problem: problem) }
        guard previous.isFiles != self.store.isFiles else {
            throw ConfigurationError(setting: "PARANOID_STORE_FROM", problem: "sessions move between files and a Redis, see PARANOID_STORE")
        }
    }

    /// Whether sessions are in files, or come from there.
    package var usesFiles: Bool { self.store.isFiles || self.previousStore?.isFiles == true }

    /// Where the sessions are, for people.
    package var storePlace: String { self.store.isFiles ? self.sessionDirectory : "\(self.store)" }

    private func checkListener() throws(ConfigurationError) {
        do {
            _ = try ListenerAddress(self.listen)
        } catch {
            throw ConfigurationError(setting: "PARANOID_LISTEN", problem: error.message)
        }
        if self.group != nil, self.user == nil {
            throw ConfigurationError(setting: "PARANOID_GROUP", problem: "it needs PARANOID_USER beside it")
        }
    }

    private func checkCookies() throws(ConfigurationError) {
        let cookies = self.sessions.cookies
        // Those of logins end in a number.
        let names = cookies.names(ofProfile: self.sessions.guardSettings.profile).flatMap { [$0.session, $0.nonce, $0.second] }
        guard Set(names).count == names.count else {
            throw ConfigurationError(setting: "SESSION_COOKIE_NAME", problem: "the three session cookies need three names")
        }
        if self.sessions.guardSettings.isHTTPSOnly && !cookies.isSecure {
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
    }
}

/// How many leading bits of an address are its network.
package struct AddressPrefixLengths: Sendable, Hashable {
    /// Of an IPv4 address.
    package var version4 = 24
    /// Of an IPv6 address.
    package var version6 = 64
}

/// A setting that cannot be used, or not now, in words for the person who looks after the application.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the setting.
    package let setting: String
    /// What is wrong with it, and what is allowed.
    package let problem: String

    /// What helps.
    package let remedy: Remedy

    package init(setting: String, problem: String, remedy: Remedy = .change) {
        self.setting = setting
        self.problem = problem
        self.remedy = remedy
    }

    /// The exit code for this error (`sysexits.h`): 78 where somebody has to change the setting, an owner or a mode; 75 where the same start may
    /// succeed later, as with a full disk or an address that is in use; 71 where the system lacks something, such as memory.
    public var exitCode: Int32 { self.remedy.exitCode }

    /// The setting and what is wrong with it.
    public var description: String { "\(self.setting): \(self.problem)" }
}
