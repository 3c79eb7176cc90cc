internal import FastCGIServer
internal import Logging
internal import ParanoidLinux
internal import WorkerSupervisor

/// What happens to the process at the begin of ``Application/run()``, in this order, before anything of the application is opened.
///
/// 0. Descriptors 0, 1 and 2 are made safe, and as many others as the system allows may be opened.
/// 1. A worker adopts what its supervisor left it. Descriptors that were opened before then have other numbers, as the inherited ones are taken.
/// 2. The first process sends standard error to the log file. If it is root and another user is asked for, it opens the listener, makes the
///    directories of sessions and secrets, and becomes that user.
/// 3. Dumps, files that others can read, and SIGPIPE are forbidden.
struct ProcessStart: ~Copyable {
    /// What a worker has from its supervisor; `nil` in the first process.
    var bootstrap: WorkerBootstrap?
    /// The listener, if it was opened before this process became another user.
    var listener: Listener?
    /// The listener of the status socket, if it was opened before this process became another user.
    var statusListener: Listener?

    /// What a worker with a few connections and sessions needs; with less it would fail at some later, less clear moment.
    private static let fewestDescriptors = 128

    /// Prepares this process.
    ///
    /// - Throws: ``ConfigurationError`` for a setting that cannot be used here; ``ApplicationError`` for what the system or the supervisor did.
    init(_ configuration: ApplicationConfiguration, logger: Logger) throws {
        do throws(SystemCallError) {
            _ = try StandardDescriptors.openMissing()
        } catch {
            throw ApplicationError("descriptors 0, 1 and 2 cannot be made safe: \(error)")
        }
        if let limit = ProcessFacts.raiseDescriptorLimit(), limit < Self.fewestDescriptors {
            throw ApplicationError(
                "a process may open \(limit) descriptors (RLIMIT_NOFILE, `ulimit -n`); at least \(Self.fewestDescriptors) are needed"
            )
        }
        do throws(WorkerBootstrapError) {
            self.bootstrap = try WorkerBootstrap.adopt()
        } catch {
            throw ApplicationError("\(error)", exitCode: SupervisorExitCode.unusableConfiguration)
        }
        if self.bootstrap == nil {
            var early = EarlyListeners()
            try Self.becomeUser(configuration, opening: &early, logger: logger)
            self.listener = early.requests.take()
            self.statusListener = early.status.take()
            let sessions = configuration.sessions
            if !sessions.guardSettings.profile.isCompatible && !sessions.cookies.isBoundToHost {
                logger.warning(
                    "the session cookies are not bound to this host, so that other hosts of the domain can plant cookies beside them",
                    metadata: ["setting": "PSESSION_COOKIE_PREFIX"]
                )
            }
        } else {
            self.listener = nil
            self.statusListener = nil
        }
        do throws(SystemCallError) {
            try ProcessHardening.apply()
        } catch {
            throw ApplicationError("the process cannot be protected: \(error)")
        }
    }

    /// What only root can open.
    private struct EarlyListeners: ~Copyable {
        var requests: Listener?
        var status: Listener?
    }

    private static func becomeUser(
        _ configuration: ApplicationConfiguration,
        opening early: inout EarlyListeners,
        logger: Logger
    ) throws(ConfigurationError) {
        let identity = try Self.identity(configuration)
        guard let identity, ProcessIdentity.isRoot else {
            try Self.openLogFile(configuration, owner: nil)
            if ProcessIdentity.isRoot {
                logger.warning("the application serves as root", metadata: ["setting": "PARANOID_USER"])
            }
            if let identity, identity.user != ProcessIdentity.currentUser {
                throw ConfigurationError(
                    setting: "PARANOID_USER",
                    problem: "only a process that is started as root can become another user"
                )
            }
            return
        }
        do throws(SystemCallError) {
            try identity.takeGroups()
        } catch {
            throw ConfigurationError(
                setting: "PARANOID_USER",
                problem: "the process cannot become this user: \(error)",
                remedy: error.remedy
            )
        }
        try Self.openLogFile(configuration, owner: identity)
        try Self.makeDirectories(configuration, owner: identity)
        early.requests = try Self.openListener(configuration, owner: identity, logger: logger)
        early.status = try StatusSocket.open(configuration, owner: identity, logger: logger)
        do throws(SystemCallError) {
            try identity.dropPrivileges()
        } catch {
            throw ConfigurationError(
                setting: "PARANOID_USER",
                problem: "the process cannot become this user: \(error)",
                remedy: error.remedy
            )
        }
    }

    /// Makes the directories of sessions and secret for a user.
    private static func makeDirectories(_ configuration: ApplicationConfiguration, owner: ProcessIdentity) throws(ConfigurationError) {
        let paths = [
            ("PARANOID_SESSION_DIR", "\(configuration.sessionDirectory)/."), ("PARANOID_SECRET_FILE", configuration.secretFile),
        ]
        for (setting, path) in paths {
            do throws(ReachedDirectory.Failure) {
                _ = try ReachedDirectory(of: path, for: owner, making: ReachedDirectory.Making())
            } catch {
                // Another problem with a directory shows when the application opens it.
                if case .system = error { continue }
                throw ConfigurationError(setting: setting, problem: "\(error)", remedy: error.remedy)
            }
        }
    }

    /// Opens the listener that the settings name.
    ///
    /// - Parameters:
    ///   - owner: The owner of a unix socket and of the directories to it, unless a setting names another.
    ///   - logger: Gets a warning about a directory that keeps the web server out.
    static func openListener(
        _ configuration: ApplicationConfiguration,
        owner: ProcessIdentity? = nil,
        logger: Logger
    ) throws(ConfigurationError) -> Listener {
        var permissions = UnixSocketFile.Permissions(mode: configuration.listenMode, owner: owner?.user, group: owner?.group)
        if let text = configuration.listenOwner {
            guard let user = UserDatabase.user(text) else {
                throw ConfigurationError(setting: "PARANOID_LISTEN_OWNER", problem: "there is no user '\(text)'")
            }
            permissions.owner = user.number
        }
        if let text = configuration.listenGroup {
            guard let group = UserDatabase.group(text) else {
                throw ConfigurationError(setting: "PARANOID_LISTEN_GROUP", problem: "there is no group '\(text)'")
            }
            permissions.group = group
        }
        do throws(FastCGIServerError) {
            let address = try ListenerAddress(configuration.listen)
            let isNew: Bool =
                if case .unix(let path) = address { !FileProbe.isThere(directoryOf: path) } else { false }
            if case .unix(let path) = address, owner == nil { UnixSocketFile.makeDirectories(for: path, permissions: permissions) }
            let listener = try Listener.open(address, permissions: permissions, for: owner)
            if isNew, permissions.admitsOnlyOwner(hasGroup: configuration.listenGroup != nil) {
                logger.notice(
                    "a directory was made for the socket that only this user may enter; PARANOID_LISTEN_GROUP lets the web server's group in",
                    metadata: ["listen": "\(configuration.listen)"]
                )
            }
            if case .unix(let path) = address, let closed = UnixSocketFile.closedDirectory(for: path, permissions: permissions) {
                logger.warning(
                    "a directory keeps out users who may connect to the socket",
                    metadata: ["directory": "\(closed)", "listen": "\(configuration.listen)"]
                )
            }
            return listener
        } catch {
            throw ConfigurationError(setting: "PARANOID_LISTEN", problem: "\(error)", remedy: error.remedy)
        }
    }

    private static func openLogFile(_ configuration: ApplicationConfiguration, owner: ProcessIdentity?) throws(ConfigurationError) {
        guard let path = configuration.logFile else { return }
        let file = LogFile(path)
        if let owner {
            do throws(ReachedDirectory.Failure) { return try file.openAsStandardError(for: owner) } catch {
                throw ConfigurationError(setting: "PARANOID_LOG_FILE", problem: "\(path) cannot be used: \(error)", remedy: error.remedy)
            }
        }
        do throws(SystemCallError) { try file.openAsStandardError() } catch {
            throw ConfigurationError(setting: "PARANOID_LOG_FILE", problem: "\(path) cannot be used: \(error)", remedy: error.remedy)
        }
    }

    private static func identity(_ configuration: ApplicationConfiguration) throws(ConfigurationError) -> ProcessIdentity? {
        guard let text = configuration.user else { return nil }
        guard let user = UserDatabase.user(text) else {
            throw ConfigurationError(setting: "PARANOID_USER", problem: "there is no user '\(text)'")
        }
        var group = user.group
        if let text = configuration.group {
            group = UserDatabase.group(text)
            guard group != nil else { throw ConfigurationError(setting: "PARANOID_GROUP", problem: "there is no group '\(text)'") }
        }
        guard let group else {
            throw ConfigurationError(setting: "PARANOID_USER", problem: "no user has the number \(text): set PARANOID_GROUP as well")
        }
        return ProcessIdentity(user: user, group: group)
    }
}

/// The error of an application that cannot serve.
public struct ApplicationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The problem in words.
    public let description: String
    /// The exit code for this error (`sysexits.h`).
    public let exitCode: Int32

    static let noProgramPath = ApplicationError("the program's path is unknown: is /proc mounted?")
    static let noListener = ApplicationError("the supervisor has passed no listener on")

    static func workersFailed(exitCode: Int32) -> ApplicationError {
        ApplicationError("the workers could not be kept running (exit code \(exitCode))", exitCode: exitCode)
    }

    /// An error of the application's own code (EX_SOFTWARE), unless it is one of these already.
    init(of error: any Error) {
        self = error as? ApplicationError ?? ApplicationError("\(error)", exitCode: SupervisorExitCode.gaveUp)
    }

    init(_ description: String, exitCode: Int32 = SupervisorExitCode.cannotSpawn) {
        self.description = description
        self.exitCode = exitCode
    }
}
