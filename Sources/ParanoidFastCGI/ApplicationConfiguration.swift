public import FileSessionStore
public import ParanoidHTTP
public import ParanoidSessions
public import Logging

/// All settings of an application as one value; where they come from is another matter.
public struct ApplicationConfiguration: Sendable {
    /// Where requests come from: `unix:PATH`, `HOST:PORT`, `[IPV6]:PORT`, `inherited` for a listening socket on descriptor 0, `systemd` or
    /// `systemd:NAME` for one that a service manager has opened (`PARANOID_LISTEN`).
    public var listen: String
    /// The permission bits of a unix socket: whoever may write may send requests (`PARANOID_LISTEN_MODE`).
    public var listenMode: UInt32 = 0o660
    /// The owner of a unix socket, a name or number; `nil`: the application's user (`PARANOID_LISTEN_OWNER`).
    public var listenOwner: String?
    /// The group of a unix socket, a name or number; `nil`: the application's group (`PARANOID_LISTEN_GROUP`).
    public var listenGroup: String?
    /// Who may connect to a unix socket: names and numbers of users, groups with an `@` in front (`PARANOID_LISTEN_PEERS`).
    ///
    /// Others are closed and counted. Empty: whoever the socket's mode lets in.
    public var listenPeers: [String] = []
    /// From where TCP connections are taken: addresses and blocks like `10.0.0.0/8` (`PARANOID_LISTEN_CLIENTS`).
    ///
    /// Others are closed and counted. Empty: from everywhere.
    public var listenClients: [String] = []
    /// Who a process that is started as root becomes before it serves, a name or number; `nil`: it stays root (`PARANOID_USER`).
    public var user: String?
    /// The first group then; `nil`: the user's (`PARANOID_GROUP`).
    public var group: String?
    /// The file that standard error goes to, opened anew at SIGUSR1; `nil`: where it goes at the start (`PARANOID_LOG_FILE`).
    public var logFile: String?
    /// The number of worker processes; 0 serves in this process (`PARANOID_WORKERS`).
    public var workers: Int
    /// Whether the number of workers follows the load (`PARANOID_SCALING`).
    public var scaling = Scaling.fixed
    /// The fewest workers when it does (`PARANOID_WORKERS_MIN`).
    public var minimumWorkers = 1
    /// The most workers when it does (`PARANOID_WORKERS_MAX`).
    public var maximumWorkers = 8
    /// The number of threads of each worker (`PARANOID_THREADS`).
    public var threads = 8
    /// The most bytes of a request body (`PARANOID_BODY_LIMIT`).
    public var bodyLimit = 2 * 1024 * 1024
    /// How many parameters a request may have; more are answered with 400 (`PARANOID_PARAMETER_LIMIT`).
    public var parameterLimit = 1024
    /// How many bytes the names and values of a request's parameters may have; more are answered with 400 (`PARANOID_PARAMETER_BYTES`).
    public var parameterBytes = 65_536
    /// How many requests may run in a worker, or wait for a thread; more are answered with 503 (`PARANOID_REQUEST_LIMIT`).
    public var requestLimit = 4096
    /// The bytes of a response's head beyond which the log warns; nginx's `fastcgi_buffer_size` is 4096 and holds eight bytes besides
    /// (`PARANOID_RESPONSE_HEAD_WARNING`).
    public var responseHeadWarning = 4088
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
    public var durability = SessionDurability.process
    /// The file with the server's secrets; created when it is absent (`PARANOID_SECRET_FILE`).
    public var secretFile: String
    /// How often expired sessions are removed; `nil`: never (`PARANOID_SWEEP_INTERVAL`).
    public var sweepInterval: Duration? = .seconds(60)
    /// How many files a sweep looks at in a second at most (`PARANOID_SWEEP_RATE`).
    public var sweepRate = 10_000
    /// How long a request waits for its session while others commit; after that it is answered with 503 (`PARANOID_LOCK_TIMEOUT`).
    public var lockTimeout: Duration = .seconds(2)
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

    /// How many workers there are.
    public enum Scaling: String, Sendable, Hashable, CaseIterable {
        /// Always ``ApplicationConfiguration/workers``.
        case fixed = "static"
        /// As many as the load needs, between ``ApplicationConfiguration/minimumWorkers`` and ``ApplicationConfiguration/maximumWorkers``.
        case dynamic
    }

    /// Creates default settings with everything in one state directory.
    public init(stateDirectory: String) {
        self.listen = "unix:\(stateDirectory)/app.sock"
        self.workers = 2
        self.sessionDirectory = "\(stateDirectory)/sessions"
        self.secretFile = "\(stateDirectory)/secret"
    }
}
