internal import FastCGIServer
internal import Logging
internal import ParanoidHTTP
internal import ParanoidLinux
internal import WorkerSupervisor

/// Where the status is asked for.
enum StatusSocket {
    private static let setting = "PARANOID_STATUS"

    /// Opens the listener that the settings name.
    ///
    /// - Parameter owner: The owner of a unix socket and of the directories to it; only root can choose.
    /// - Returns: `nil` when there is to be none, or when the one of the default place cannot be opened, which the log says.
    /// - Throws: ``ConfigurationError`` when one that a setting names cannot be opened.
    static func open(
        _ configuration: ApplicationConfiguration,
        owner: ProcessIdentity? = nil,
        logger: Logger
    ) throws(ConfigurationError) -> Listener? {
        guard let text = configuration.status else { return nil }
        do throws(FastCGIServerError) {
            let address = try ListenerAddress(text)
            let permissions = UnixSocketFile.Permissions(mode: configuration.statusMode, owner: owner?.user, group: owner?.group)
            switch address {
            case .unix(let path): if owner == nil { UnixSocketFile.makeDirectories(for: path, permissions: permissions) }
            case .tcp: break
            case .inherited, .activated:
                throw FastCGIServerError(.unusableAddress, "'\(text)' cannot be used; allowed is unix:PATH, HOST:PORT or [IPV6]:PORT")
            }
            return try Listener.open(address, permissions: permissions, for: owner)
        } catch {
            guard configuration.environment[self.setting] == nil else {
                throw ConfigurationError(setting: self.setting, problem: "\(error)", remedy: error.remedy)
            }
            logger.warning("the status socket cannot be opened", metadata: ["status": "\(text)", "error": "\(error)"])
            return nil
        }
    }

    /// What says whether a peer may ask: everybody whom the mode of a unix socket lets in, and over TCP the addresses of the list.
    static func admission(_ configuration: ApplicationConfiguration, isUnix: Bool) -> @Sendable (borrowing OwnedDescriptor) -> Bool {
        if isUnix { return { _ in true } }
        let networks = configuration.statusClients.compactMap { NetworkPrefix($0) }
        return { connection in
            guard let bytes = (try? SocketAddress(ofPeerOf: connection))?.hostBytes, let host = NetworkAddress(bytes: bytes) else {
                return false
            }
            return networks.contains { $0.contains(host) }
        }
    }
}

extension StatusBoard {
    /// A board that tells the command-line tool where the application's files are, and gives tokens for probes only where the file system
    /// says who may connect.
    convenience init(
        _ scoreboard: Scoreboard,
        supervisor: SupervisorStatus?,
        routes: [(method: String, pattern: String)],
        _ configuration: ApplicationConfiguration
    ) {
        self.init(
            scoreboard,
            supervisor: supervisor,
            routes: routes,
            settings: configuration.places,
            givesProbes: configuration.status?.hasPrefix("unix:") == true
        )
    }
}

extension StatusServer {
    /// Starts to answer on a listener.
    ///
    /// - Returns: `nil` when there is none, or when the system has no thread, which the log says.
    static func start(
        _ listener: consuming Listener?,
        _ configuration: ApplicationConfiguration,
        _ board: StatusBoard,
        logger: Logger
    ) -> StatusServer? {
        guard let listener else { return nil }
        do throws(SystemCallError) {
            let admits = StatusSocket.admission(configuration, isUnix: listener.isUnix)
            return try StatusServer(listener, admits: admits, board: board)
        } catch {
            logger.warning("the status socket cannot be opened", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
