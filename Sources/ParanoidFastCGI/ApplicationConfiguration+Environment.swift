internal import FastCGIServer
internal import ParanoidHTTP
internal import ParanoidSessions
internal import ParanoidLinux
internal import Logging
internal import WorkerSupervisor

extension ApplicationConfiguration {
    /// The settings of a program, from its environment and from the file that `PARANOID_ENV_FILE` names, which is stronger.
    ///
    /// A value that cannot be used, or a name that is no setting but looks like one, ends the process with exit code 78 and one line on
    /// standard error that says what is allowed. A process that is more than this application uses
    /// ``init(environment:defaultListener:processors:)``.
    public static func fromEnvironment() -> ApplicationConfiguration {
        do throws(ConfigurationError) {
            var configuration = try Self.ofThisProcess()
            configuration.ownsProcess = true
            return configuration
        } catch {
            ProcessExit.fail("\(error)", code: SupervisorExitCode.unusableConfiguration)
        }
    }

    private static func ofThisProcess() throws(ConfigurationError) -> ApplicationConfiguration {
        var environment = ProcessEnvironment.current()
        var namesFromFile: Set<String> = []
        if let path = environment["PARANOID_ENV_FILE"], !path.isEmpty {
            do {
                let file = try ProcessEnvironment(file: path)
                namesFromFile.formUnion(file.names)
                environment.merge(file)
            } catch {
                throw ConfigurationError(setting: "PARANOID_ENV_FILE", problem: "\(error)")
            }
        }
        var values: [String: String] = [:]
        for name in environment.names { values[name] = environment[name] }
        var defaultListener = DescriptorKind(of: 0) == .listeningStreamSocket ? "inherited" : nil
        if defaultListener == nil, !SocketActivation.ofThisProcess().entries.isEmpty { defaultListener = "systemd" }
        var configuration = try ApplicationConfiguration(
            environment: values,
            defaultListener: defaultListener,
            processors: UsableProcessors.ofThisProcess().defaultWorkers
        )
        configuration.namesFromFile = namesFromFile
        return configuration
    }

    /// Reads all settings from names and texts; pure.
    ///
    /// - Parameters:
    ///   - environment: The names and texts.
    ///   - defaultListener: Where requests come from unless a setting says otherwise; `nil`: a socket in the run-time or state directory.
    ///   - processors: How many workers there are by default, at least 2.
    /// - Throws: ``ConfigurationError`` for a value that cannot be used and for a name that is no setting but looks like one.
    public init(environment: [String: String], defaultListener: String? = nil, processors: Int = 2) throws(ConfigurationError) {
        try SettingNames.check(environment.keys.sorted(), reserved: WorkerBootstrap.variables)
        let reader = SettingsReader(environment)
        let state = try Self.stateDirectory(environment)
        self.init(stateDirectory: state)
        self.environment = environment
        self.environmentFile = environment["PARANOID_ENV_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        try self.readServer(reader, environment, defaultListener: defaultListener, processors: processors)
        self.logFormat = try reader.choice("PARANOID_LOG_FORMAT", self.logFormat)
        self.logLevel = try reader.choice("PARANOID_LOG_LEVEL", self.logLevel)
        try self.readGuard(reader)
        try self.readCookies(reader)
    }

    private mutating func readServer(
        _ reader: SettingsReader,
        _ environment: [String: String],
        defaultListener: String?,
        processors: Int
    ) throws(ConfigurationError) {
        let runtime = Self.first(of: environment["RUNTIME_DIRECTORY"]) ?? environment["XDG_RUNTIME_DIR"].map { "\($0)/paranoid" }
        self.listen = try reader.nonEmpty("PARANOID_LISTEN", defaultListener ?? runtime.map { "unix:\($0)/app.sock" } ?? self.listen)
        do {
            _ = try ListenerAddress(self.listen)
        } catch {
            throw ConfigurationError(setting: "PARANOID_LISTEN", problem: error.message)
        }
        try self.readAccess(reader)
        try self.readLimits(reader)
        self.workers = try reader.number("PARANOID_WORKERS", max(2, processors), in: 0...256)
        self.scaling = try reader.choice("PARANOID_SCALING", self.scaling)
        self.minimumWorkers = try reader.number("PARANOID_WORKERS_MIN", self.minimumWorkers, in: 1...256)
        self.maximumWorkers = try reader.number("PARANOID_WORKERS_MAX", min(256, 2 * max(1, self.workers)), in: 1...256)
        if self.scaling == .dynamic, self.minimumWorkers > self.maximumWorkers {
            throw ConfigurationError(setting: "PARANOID_WORKERS_MIN", problem: "it is above PARANOID_WORKERS_MAX (\(self.maximumWorkers))")
        }
        self.threads = try reader.number("PARANOID_THREADS", self.threads, in: 1...512)
        self.readTimeout = try reader.seconds("PARANOID_READ_TIMEOUT", self.readTimeout, canBeNone: false) ?? self.readTimeout
        self.writeTimeout = try reader.seconds("PARANOID_WRITE_TIMEOUT", self.writeTimeout, canBeNone: false) ?? self.writeTimeout
        self.drainTimeout = try reader.seconds("PARANOID_DRAIN_TIMEOUT", self.drainTimeout, canBeNone: false) ?? self.drainTimeout
        try self.readRecycling(reader)
        self.sweepInterval = try reader.seconds("PARANOID_SWEEP_INTERVAL", self.sweepInterval)
        if self.sweepInterval == .zero { throw reader.unusable("PARANOID_SWEEP_INTERVAL", "0", "seconds above 0, or none") }
        try self.readStore(reader)
        self.sessionDirectory = try reader.nonEmpty("PARANOID_SESSION_DIR", self.sessionDirectory)
        self.secretFile = try reader.nonEmpty("PARANOID_SECRET_FILE", self.secretFile)
        switch reader.text("PARANOID_DURABILITY") {
        case nil, "process": self.durability = .process
        case "power": self.durability = .power
        case let text?: throw reader.unusable("PARANOID_DURABILITY", text, "process or power")
        }
    }

    private mutating func readAccess(_ reader: SettingsReader) throws(ConfigurationError) {
        self.listenMode = try reader.mode("PARANOID_LISTEN_MODE", self.listenMode)
        self.listenOwner = try reader.optionalText("PARANOID_LISTEN_OWNER")
        self.listenGroup = try reader.optionalText("PARANOID_LISTEN_GROUP")
        self.listenPeers = reader.list("PARANOID_LISTEN_PEERS", [])
        self.listenClients = reader.list("PARANOID_LISTEN_CLIENTS", [])
        _ = try ListenerPolicy(clients: self.listenClients)
        self.user = try reader.optionalText("PARANOID_USER")
        self.group = try reader.optionalText("PARANOID_GROUP")
        self.logFile = try reader.optionalText("PARANOID_LOG_FILE")
    }

    private mutating func readLimits(_ reader: SettingsReader) throws(ConfigurationError) {
        self.bodyLimit = try reader.number("PARANOID_BODY_LIMIT", self.bodyLimit, in: 0...(1 << 40))
        self.parameterLimit = try reader.number("PARANOID_PARAMETER_LIMIT", self.parameterLimit, in: 16...65_536)
        self.parameterBytes = try reader.number("PARANOID_PARAMETER_BYTES", self.parameterBytes, in: 1024...(1 << 24))
        self.requestLimit = try reader.number("PARANOID_REQUEST_LIMIT", self.requestLimit, in: 1...1_000_000)
        self.responseHeadWarning = try reader.number("PARANOID_RESPONSE_HEAD_WARNING", self.responseHeadWarning, in: 256...(1 << 24))
    }

    private mutating func readRecycling(_ reader: SettingsReader) throws(ConfigurationError) {
        self.requestDeadline = try reader.seconds("PARANOID_REQUEST_DEADLINE", nil)
        if self.requestDeadline == .zero { throw reader.unusable("PARANOID_REQUEST_DEADLINE", "0", "seconds above 0, or none") }
        self.requestGrace = try reader.seconds("PARANOID_REQUEST_GRACE", self.requestGrace, canBeNone: false) ?? self.requestGrace
        self.maximumRequests = try reader.optionalNumber("PARANOID_MAX_REQUESTS", nil, in: 1...1_000_000_000_000)
        self.workerMemoryLimit = try reader.optionalNumber("PARANOID_WORKER_MEMORY", nil, in: (1 << 20)...(1 << 50))
        self.heartbeatTimeout = try reader.seconds("PARANOID_HEARTBEAT_TIMEOUT", self.heartbeatTimeout)
        if let timeout = self.heartbeatTimeout, timeout < .milliseconds(500) {
            throw reader.unusable(
                "PARANOID_HEARTBEAT_TIMEOUT",
                reader.text("PARANOID_HEARTBEAT_TIMEOUT") ?? "",
                "seconds from 0.5, or none"
            )
        }
    }

    private mutating func readStore(_ reader: SettingsReader) throws(ConfigurationError) {
        self.sweepRate = try reader.number("PARANOID_SWEEP_RATE", self.sweepRate, in: 50...10_000_000)
        self.lockTimeout = try reader.seconds("PARANOID_LOCK_TIMEOUT", self.lockTimeout, canBeNone: false) ?? self.lockTimeout
        let policy = try reader.choice("PARANOID_SESSIONS_PER_USER_POLICY", SessionLimit.Policy.oldestEnds)
        let perUser = try reader.optionalNumber("PARANOID_SESSIONS_PER_USER", nil, in: 1...10_000)
        self.limitPerUser = perUser.map { SessionLimit($0, policy: policy) }
        self.anonymousLimit = try reader.optionalNumber("PARANOID_ANONYMOUS_LIMIT", nil, in: 1...1_000_000_000)
        self.reservedPercent = try reader.number("PARANOID_SPACE_RESERVE", self.reservedPercent, in: 0...90)
        self.allowsNetworkStore = try reader.flag("PARANOID_NETWORK_STORE", false)
        var limits = self.sessions.valueLimits
        limits.valueByteCount = try reader.number("PARANOID_SESSION_VALUE_LIMIT", limits.valueByteCount, in: 64...(1 << 28))
        limits.sessionByteCount = try reader.number("PARANOID_SESSION_LIMIT", limits.sessionByteCount, in: 64...(1 << 28))
        self.sessions.valueLimits = limits
    }

    /// Where state is kept by default: what systemd says, what the desktop says, the home directory.
    private static func stateDirectory(_ environment: [String: String]) throws(ConfigurationError) -> String {
        if let directory = Self.first(of: environment["STATE_DIRECTORY"]) { return directory }
        if let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") { return "\(base)/paranoid" }
        if let home = environment["HOME"], home.hasPrefix("/") { return "\(home == "/" ? "" : home)/.local/state/paranoid" }
        let needed = ["PARANOID_SESSION_DIR", "PARANOID_SECRET_FILE", "PARANOID_LISTEN"]
        if needed.allSatisfy({ environment[$0] != nil }) { return "/nonexistent" }
        throw ConfigurationError(
            setting: "STATE_DIRECTORY",
            problem: "neither it nor HOME is set; set it, or all of \(needed.joined(separator: ", "))"
        )
    }

    /// The first of the directories that systemd lists with colons.
    private static func first(of list: String?) -> String? {
        list.flatMap { $0.split(separator: ":").first }.map(String.init)
    }
}
