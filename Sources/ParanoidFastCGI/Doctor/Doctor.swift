internal import FastCGIServer
internal import FileSessionStore
internal import ParanoidHTTP
package import ParanoidLinux

/// Looks for mistakes in an installation and changes nothing.
package struct Doctor: Sendable {
    /// A mistake, with the line that mends it.
    package struct Finding: Sendable, Hashable, CustomStringConvertible {
        /// How grave it is.
        package enum Gravity: String, Sendable, Hashable {
            /// The application does not run, or does not protect.
            case error
            /// It will hurt some day, or hurts already.
            case warning
        }

        package let gravity: Gravity
        /// What is wrong.
        package let problem: String
        /// What to write or run.
        package let change: String

        package var description: String { "\(self.gravity.rawValue): \(self.problem)\n    change: \(self.change)" }
    }

    /// What the process and its machine say.
    package struct Surroundings: Sendable {
        package var isRoot: Bool
        package var descriptorLimit: Int?
        /// The libfcgi that is installed; `nil`: nobody says.
        package var libfcgi: LibraryVersion?
        package var processors: Int
        /// The memory that the application is allowed; `nil`: no limit.
        package var memory: UsableMemory.Limit?
        /// How many workers use it at this moment; 0: nobody knows.
        package var runningWorkers = 0
        /// Seconds since 1970.
        package var now: Int64

        package init(isRoot: Bool, descriptorLimit: Int?, processors: Int, now: Int64, memory: UsableMemory.Limit? = nil) {
            self.isRoot = isRoot
            self.descriptorLimit = descriptorLimit
            self.processors = processors
            self.now = now
            self.memory = memory
        }

        /// Those of this process.
        package static func ofThisProcess() -> Surroundings {
            var surroundings = Surroundings(
                isRoot: ProcessIdentity.isRoot,
                descriptorLimit: ProcessFacts.descriptorLimit,
                processors: UsableProcessors.ofThisProcess().count,
                now: WallClock.nanosecondsSinceEpoch() / 1_000_000_000,
                memory: UsableMemory.ofThisProcess().limit
            )
            surroundings.libfcgi = LibraryVersion.ofLibfcgi()
            return surroundings
        }

        /// Takes over what a running application says of its memory, which may be another than that of the doctor's process.
        ///
        /// - Parameter text: The page `/memory` of its status socket.
        package mutating func take(memory text: String) {
            let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
            guard words.count == 3, let workers = Int(words[2]) else { return }
            self.memory = Int(words[0]).map { UsableMemory.Limit(bytes: $0, used: Int(words[1])) }
            self.runningWorkers = workers
        }
    }

    let configuration: ApplicationConfiguration
    private let surroundings: Surroundings

    /// Prepares to look at an installation with these settings.
    package init(_ configuration: ApplicationConfiguration, surroundings: Surroundings = .ofThisProcess()) {
        self.configuration = configuration
        self.surroundings = surroundings
    }

    /// Everything that is found; blocks for as long as disk and sockets take.
    ///
    /// - Parameter nginx: The configuration of nginx; `nil`: it is not looked at.
    package func findings(nginx: NginxConfiguration? = nil) -> [Finding] {
        var findings = self.settings + self.limits + self.sessionDirectory + self.secret + self.files + self.sockets
        if let nginx { findings += nginx.findings(for: self.configuration) }
        return findings
    }

    // MARK: Settings

    private var settings: [Finding] {
        var found: [Finding] = []
        func add(_ gravity: Finding.Gravity, _ problem: String, _ change: String) {
            found.append(Finding(gravity: gravity, problem: problem, change: change))
        }
        let configuration = self.configuration
        let sessions = configuration.sessions
        if !sessions.guardSettings.isHTTPSOnly {
            add(.error, "sessions exist over plain HTTP, where everybody on the way can take them", "PSESSION_HTTPS_ONLY=true")
        }
        if !sessions.guardSettings.profile.isCompatible, !sessions.cookies.isBoundToHost {
            add(.warning, "other hosts of the domain can plant session cookies", "PSESSION_COOKIE_PREFIX=__Host-")
        }
        if sessions.guardSettings.nonceTimeout == nil {
            add(.warning, "nonces are switched off, so that a copied cookie is not noticed", "remove PSESSION_NONCE_TIMEOUT=none")
        }
        if configuration.listenMode & 0o002 != 0, configuration.listenPeers.isEmpty, configuration.listen.hasPrefix("unix:") {
            add(
                .error,
                "every user of this machine may connect to the socket and claim any address and HTTPS",
                "PARANOID_LISTEN_MODE=0660 and PARANOID_LISTEN_GROUP=www-data, or PARANOID_LISTEN_PEERS=www-data"
            )
        }
        if let address = try? ListenerAddress(configuration.listen), case .tcp(let host, _) = address, !Self.isLocal(host),
            configuration.listenClients.isEmpty
        {
            add(
                .error,
                "every host that reaches \(configuration.listen) may claim any address and HTTPS",
                "PARANOID_LISTEN_CLIENTS=ADDRESS-OF-NGINX"
            )
        }
        if let status = configuration.status, let address = try? ListenerAddress(status), case .tcp(let host, _) = address,
            !Self.isLocal(host),
            configuration.statusClients.contains(where: { $0.hasSuffix("/0") })
        {
            add(.error, "every host that reaches \(status) is told the status", "PARANOID_STATUS_CLIENTS=ADDRESS-OF-PROMETHEUS")
        }
        if configuration.statusMode & 0o002 != 0, configuration.status?.hasPrefix("unix:") == true {
            add(.warning, "every user of this machine may ask for the status", "PARANOID_STATUS_MODE=0600")
        }
        for proxy in configuration.trustedProxies where proxy.hasSuffix("/0") {
            add(
                .error,
                "every client is a trusted proxy (\(proxy)), so that it can claim any address",
                "PARANOID_TRUSTED_PROXIES=ADDRESS-OF-THE-PROXY"
            )
        }
        if configuration.sweepInterval == nil {
            add(.warning, "expired sessions are never removed, and the disk fills up", "remove PARANOID_SWEEP_INTERVAL=none")
        }
        if let deadline = configuration.requestDeadline, let heartbeat = configuration.heartbeatTimeout, heartbeat < deadline {
            add(
                .warning,
                "a worker whose threads are all held counts as stuck before PARANOID_REQUEST_DEADLINE cancels a request",
                "PARANOID_HEARTBEAT_TIMEOUT=\(SettingText.seconds(deadline * 2))"
            )
        }
        return found
    }

    private static func isLocal(_ host: String) -> Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

    private var limits: [Finding] {
        var found: [Finding] = []
        if self.surroundings.isRoot, self.configuration.user == nil {
            found.append(
                Finding(
                    gravity: .error,
                    problem: "the application runs as root and stays root",
                    change: "PARANOID_USER=app, or User=app in the unit"
                )
            )
        }
        if let version = self.surroundings.libfcgi, version < .testedLibfcgi {
            found.append(
                Finding(
                    gravity: .warning,
                    problem: "libfcgi \(version) is older than \(LibraryVersion.testedLibfcgi), the version that the server is tested with",
                    change: "apt-get install libfcgi0ldbl"
                )
            )
        }
        if let limit = self.surroundings.descriptorLimit, limit < 1024 {
            found.append(
                Finding(
                    gravity: .warning,
                    problem: "a process may have \(limit) descriptors open, too few for its connections and session files",
                    change: "LimitNOFILE=65536 in the unit, or ulimit -n 65536"
                )
            )
        }
        if self.configuration.workers > 8 * max(1, self.surroundings.processors) {
            found.append(
                Finding(
                    gravity: .warning,
                    problem: "\(self.configuration.workers) workers share \(self.surroundings.processors) processors",
                    change: "remove PARANOID_WORKERS, and give waiting handlers threads with PARANOID_THREADS"
                )
            )
        }
        if let budget = MemoryBudget(self.configuration, limit: self.surroundings.memory) {
            let problems = [budget.allowed, budget.share, budget.observed(running: self.surroundings.runningWorkers)]
            found += problems.compactMap { $0 }.map { Finding(gravity: .warning, problem: $0.text, change: $0.change) }
        }
        // 2025-01-01T00:00:00Z: nothing of this package is older.
        if self.surroundings.now < 1_735_689_600 {
            found.append(
                Finding(
                    gravity: .error,
                    problem: "the clock is wrong, so that sessions end at a wrong time",
                    change: "timedatectl set-ntp true"
                )
            )
        }
        return found
    }
}
