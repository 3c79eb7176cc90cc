public import FileSessionStorage
public import HTTPHandling
public import HTTPSessions
public import Logging
public import SessionStorage

/// All settings of an application as one value; where they come from is another matter.
public struct ApplicationConfiguration: Sendable {
    /// Where requests come from: `unix:PATH`, `HOST:PORT`, `[IPV6]:PORT`, or `inherited` for a listening socket on descriptor 0 (`PARANOID_LISTEN`).
    public var listen: String
    /// The number of worker processes; 0 serves in this process (`PARANOID_WORKERS`).
    public var workers: Int
    /// The number of threads of each worker (`PARANOID_THREADS`).
    public var threads = 8
    /// The most bytes of a request body (`PARANOID_BODY_LIMIT`).
    public var bodyLimit = 2 * 1024 * 1024
    /// How long reading from the web server may pause (`PARANOID_READ_TIMEOUT`).
    public var readTimeout: Duration = .seconds(30)
    /// How long writing to the web server may pause (`PARANOID_WRITE_TIMEOUT`).
    public var writeTimeout: Duration = .seconds(30)
    /// How long running requests may take to finish when the server stops (`PARANOID_DRAIN_TIMEOUT`).
    public var drainTimeout: Duration = .seconds(30)
    /// How long a request may take before it is cancelled and answered with 503; `nil`: for ever (`PARANOID_REQUEST_DEADLINE`).
    public var requestDeadline: Duration?
    /// How long a handler may go on after that before its worker is replaced (`PARANOID_REQUEST_GRACE`).
    public var requestGrace: Duration = .seconds(5)
    /// After about how many requests a worker is replaced: workers differ by up to a quarter, so that not all go at once; `nil`: never
    /// (`PARANOID_MAX_REQUESTS`).
    public var maximumRequests: Int?
    /// The bytes of memory beyond which a worker is replaced; `nil`: any number (`PARANOID_WORKER_MEMORY`).
    public var workerMemoryLimit: Int?
    /// How long handlers may hold all threads of a worker before it is taken for stuck and replaced; `nil`: for ever
    /// (`PARANOID_HEARTBEAT_TIMEOUT`).
    public var heartbeatTimeout: Duration? = .seconds(30)
    /// The directory that holds the sessions (`PARANOID_SESSION_DIR`).
    public var sessionDirectory: String
    /// What a committed session survives: the death of processes, or the loss of power too (`PARANOID_DURABILITY`).
    public var durability = FileSessionStoreConfiguration.Durability.process
    /// The file with the server's secrets; created when it is absent (`PARANOID_SECRET_FILE`).
    public var secretFile: String
    /// How often expired sessions are removed; `nil`: never (`PARANOID_SWEEP_INTERVAL`).
    public var sweepInterval: Duration? = .seconds(60)
    /// How many files a sweep looks at in a second at most (`PARANOID_SWEEP_RATE`).
    public var sweepRate = 10_000
    /// How long a request waits for its session while others commit; after that it is answered with 503 (`PARANOID_LOCK_PATIENCE`).
    public var lockPatience: Duration = .seconds(2)
    /// How many sessions a user may have at a time; `nil`: any number (`PARANOID_SESSIONS_PER_USER`, `PARANOID_SESSIONS_PER_USER_POLICY`).
    public var limitPerUser: SessionLimit?
    /// The most sessions in which nobody is logged in; `nil`: any number (`PARANOID_ANONYMOUS_LIMIT`).
    public var anonymousLimit: Int?
    /// How many percent of space and inodes are kept for users who are logged in (`PARANOID_SPACE_RESERVE`).
    public var reservedPercent = 5
    /// Whether the session directory may lie on a network or FUSE file system (`PARANOID_NETWORK_STORE`).
    public var allowsNetworkStore = false
    /// A file of `NAME=VALUE` lines, stronger than the environment, read at the start and at every reload (`PARANOID_ENV_FILE`).
    public var environmentFile: String?
    /// Addresses and networks whose `X-Forwarded-For` is believed, such as `10.0.0.0/8` (`PARANOID_TRUSTED_PROXIES`).
    public var trustedProxies: [String] = []
    /// How many leading bits of an address are its network, for IPv4 and IPv6 (`PSESSION_ADDRESS_PREFIX`).
    public var addressPrefix = (version4: 24, version6: 64)
    /// Header fields of every response, such as `SecurityHeaders.recommended`; none unless the application sets them.
    public var securityHeaders = SecurityHeaders()
    /// How log lines look (`PARANOID_LOG_FORMAT`).
    public var logFormat = LogFormat.text
    /// Log lines of less weight are not written (`PARANOID_LOG_LEVEL`).
    public var logLevel = Logger.Level.info
    /// How sessions are recognised and kept.
    public var sessions = HTTPSessionsConfiguration()
    /// Whether the process belongs to the application: it then protects itself against dumps, and a start that fails ends it with one line
    /// on standard error and an exit code (`sysexits.h`) instead of an error that nobody catches.
    public var ownsProcess = false
    /// Whether SIGTERM and SIGINT stop a process that serves alone; a `ServiceGroup` around it does that otherwise.
    public var handlesSignals = true
    /// The environment the settings were read from, for settings of the application's own.
    public var environment: [String: String] = [:]
    /// The names among them that the environment's file has set.
    public var namesFromFile: Set<String> = []

    /// Creates default settings with everything in one state directory.
    public init(stateDirectory: String) {
        self.listen = "unix:\(stateDirectory)/app.sock"
        self.workers = 2
        self.sessionDirectory = "\(stateDirectory)/sessions"
        self.secretFile = "\(stateDirectory)/secret"
    }
}
