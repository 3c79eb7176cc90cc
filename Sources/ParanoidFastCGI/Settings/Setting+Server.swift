internal import FileSessionStore
internal import Logging
internal import ParanoidHTTP
internal import ParanoidSessions

// The settings of the listener, the processes, the requests and the session store.
extension Setting {
    static let listener = [
        Setting(
            "PARANOID_LISTEN",
            .listener,
            at: \.listen,
            .text("unix:PATH, HOST:PORT, [IPV6]:PORT, inherited, systemd or systemd:NAME"),
            "Where FastCGI connections come from. inherited is a listening socket on descriptor 0, systemd one that the service manager opened.",
            default:
                "descriptor 0 if it listens, a socket of systemd, else `app.sock` in `$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/paranoid` or "
                + "*State*",
            derive: { configuration, surroundings in
                if let listener = surroundings.defaultListener {
                    configuration.listen = listener
                } else if let directory = Directories.runtime(surroundings.environment) {
                    configuration.listen = "unix:\(directory)/app.sock"
                }
            }
        ),
        Setting(
            "PARANOID_LISTEN_MODE",
            .listener,
            at: \.listenMode,
            .mode,
            "Permission bits of a unix socket.",
            against: "other users of this machine"
        ),
        Setting(
            "PARANOID_LISTEN_OWNER",
            .listener,
            at: \.listenOwner,
            .optionalText("a user's name or number"),
            "Owner of a unix socket; none means the application's user."
        ),
        Setting(
            "PARANOID_LISTEN_GROUP",
            .listener,
            at: \.listenGroup,
            .optionalText("a group's name or number"),
            "Group of a unix socket; none means the application's group."
        ),
        Setting(
            "PARANOID_LISTEN_PEERS",
            .listener,
            at: \.listenPeers,
            .list("users by name or number, groups with an @ in front"),
            "Users and groups that may connect to a unix socket; none means everybody whom PARANOID_LISTEN_MODE lets in.",
            against: "other users of this machine"
        ),
        Setting(
            "PARANOID_LISTEN_CLIENTS",
            .listener,
            at: \.listenClients,
            .networks,
            "Addresses from which TCP connections are accepted; none means everywhere.",
            against: "other machines"
        ),
        Setting(
            "PARANOID_USER",
            .listener,
            at: \.user,
            .optionalText("a user's name or number"),
            "User that a process started as root becomes before it serves; none means that it keeps its user."
        ),
        Setting(
            "PARANOID_GROUP",
            .listener,
            at: \.group,
            .optionalText("a group's name or number"),
            "First group of PARANOID_USER; none means the user's own."
        ),
    ]

    static let processes = [
        Setting(
            "PARANOID_WORKERS",
            .processes,
            at: \.workers,
            .number(0...256),
            "Number of worker processes; 0 serves in the first process.",
            default: "usable processors, at most one for 32 MiB of a memory limit, at least 2",
            derive: { $0.workers = min(256, max(2, $1.defaultWorkers)) }
        ),
        Setting(
            "PARANOID_SCALING",
            .processes,
            at: \.scaling,
            .choice(),
            "Whether the number of workers is PARANOID_WORKERS (static) or follows the load (dynamic)."
        ),
        Setting(
            "PARANOID_WORKERS_MIN",
            .processes,
            at: \.minimumWorkers,
            .number(1...256),
            "Fewest workers when PARANOID_SCALING is dynamic."
        ),
        Setting(
            "PARANOID_WORKERS_MAX",
            .processes,
            at: \.maximumWorkers,
            .number(1...256),
            "Most workers when PARANOID_SCALING is dynamic.",
            default: "twice `PARANOID_WORKERS`",
            derive: { configuration, _ in configuration.maximumWorkers = min(256, 2 * max(1, configuration.workers)) }
        ),
        Setting("PARANOID_THREADS", .processes, at: \.threads, .number(1...512), "Number of threads of each worker."),
        Setting(
            "PARANOID_MAX_REQUESTS",
            .processes,
            atOptional: \.requestsPerWorker,
            .number(1...1_000_000_000_000),
            "Number of requests after which a worker is replaced; workers differ by up to a quarter, so that not all are replaced at once.",
            against: "leaks"
        ),
        Setting(
            "PARANOID_WORKER_MEMORY",
            .processes,
            atOptional: \.workerMemoryLimit,
            .number((1 << 20)...(1 << 50), "bytes"),
            "Bytes of memory beyond which a worker is replaced.",
            against: "leaks"
        ),
        Setting(
            "PARANOID_HEARTBEAT_TIMEOUT",
            .processes,
            atOptional: \.heartbeatTimeout,
            .seconds(from: .milliseconds(500)),
            "How long handlers may hold all threads of a worker before it is replaced; none means for ever.",
            against: "stuck workers"
        ),
        Setting(
            "PARANOID_DRAIN_TIMEOUT",
            .processes,
            at: \.drainTimeout,
            .seconds(),
            "Time that running requests have to finish when a worker stops."
        ),
        Setting(
            "PARANOID_ENV_FILE",
            .processes,
            at: \.environmentFile,
            .optionalText("a path"),
            "File of NAME=VALUE lines, stronger than the environment and read again at every reload (SIGHUP)."
        ),
    ]

    /// Read before the cookies, as their names depend on it.
    static let mount = [
        Setting(
            "PARANOID_MOUNT",
            .requests,
            at: \.mount,
            SettingKind<MountPoint>(
                "a path such as /two, of letters, digits, - and _, or none",
                parse: { text in text.isEmpty || text.lowercased() == "none" ? MountPoint.root : MountPoint(text) },
                format: { $0.isRoot ? "none" : $0.path }
            ),
            "Path of the host below which the application runs; a request elsewhere gets status 404. none means the whole host."
        )
    ]

    static let requests = [
        Setting(
            "PARANOID_BODY_LIMIT",
            .requests,
            at: \.bodyLimit,
            .number(0...(1 << 40), "bytes"),
            "Most bytes of a request's body; a request with more gets status 413.",
            against: "floods"
        ),
        Setting(
            "PARANOID_PARAMETER_LIMIT",
            .requests,
            at: \.parameterLimit,
            .number(16...65_536),
            "Most parameters of a request; a request with more gets status 400.",
            against: "floods"
        ),
        Setting(
            "PARANOID_PARAMETER_BYTES",
            .requests,
            at: \.parameterBytes,
            .number(1024...(1 << 24), "bytes"),
            "Most bytes of the names and values of a request's parameters; a request with more gets status 400.",
            against: "floods"
        ),
        Setting(
            "PARANOID_REQUEST_LIMIT",
            .requests,
            at: \.runningRequestLimit,
            .number(1...1_000_000),
            "Most requests that run in a worker or wait for a thread of it; a request beyond gets status 503.",
            against: "floods"
        ),
        Setting(
            "PARANOID_READ_TIMEOUT",
            .requests,
            at: \.readTimeout,
            .seconds(),
            "Longest pause while a request is read.",
            against: "slow senders"
        ),
        Setting(
            "PARANOID_WRITE_TIMEOUT",
            .requests,
            at: \.writeTimeout,
            .seconds(),
            "Longest pause while a response is written.",
            against: "slow readers"
        ),
        Setting(
            "PARANOID_REQUEST_DEADLINE",
            .requests,
            atOptional: \.requestDeadline,
            .seconds(isAboveZero: true),
            "Time that a request has before it is cancelled and answered with status 503; none means for ever.",
            against: "handlers that never end"
        ),
        Setting(
            "PARANOID_REQUEST_GRACE",
            .requests,
            at: \.requestGrace,
            .seconds(),
            "Time that a handler has after PARANOID_REQUEST_DEADLINE before its worker is replaced.",
            against: "handlers that never end"
        ),
        Setting(
            "PARANOID_RESPONSE_HEAD_WARNING",
            .requests,
            at: \.responseHeadWarning,
            .number(256...(1 << 24), "bytes"),
            "Bytes of a response's head beyond which the log warns: nginx's fastcgi_buffer_size is 4096 and holds eight bytes besides."
        ),
    ]

    static let store = [
        Setting(
            "PARANOID_STORE",
            .store,
            at: \.store,
            .storeChoice,
            "Where sessions are kept: in the files of one host (files), or in a Redis for several hosts, which needs the package trait Redis. "
                + "Each host then needs the same PARANOID_SECRET_FILE."
        ),
        Setting(
            "PARANOID_STORE_FROM",
            .store,
            atOptional: \.previousStore,
            .storeChoice,
            "Where sessions come from while they move to PARANOID_STORE: what is not there yet is looked for here, and moves when it changes. "
                + "One of the two is files, the other a Redis."
        ),
        Setting(
            "PARANOID_SESSION_DIR",
            .store,
            at: \.sessionDirectory,
            .text("a path"),
            "Directory of the session files; the first process of an application makes it.",
            default: "*State*`/sessions`"
        ),
        Setting(
            "PARANOID_SECRET_FILE",
            .store,
            at: \.secretFile,
            .text("a path"),
            "File of the server's secrets; the first process of an application makes it with mode 0600, unless there are sessions already.",
            default: "*State*`/secret`"
        ),
        Setting(
            "PARANOID_DURABILITY",
            .store,
            at: \.durability,
            SettingKind<SessionDurability>(
                "process or power",
                parse: { text in text == "process" ? .process : text == "power" ? .power : nil },
                format: { $0 == .power ? "power" : "process" }
            ),
            "What a committed session survives: the death of processes (process), or the loss of power as well (power)."
        ),
        Setting(
            "PARANOID_LOCK_TIMEOUT",
            .store,
            at: \.lockTimeout,
            .seconds(),
            "How long a request waits for its session while others commit it; then the request gets status 503.",
            against: "held locks"
        ),
        Setting(
            "PARANOID_SWEEP_INTERVAL",
            .store,
            atOptional: \.sweepInterval,
            .seconds(isAboveZero: true),
            "Pause between removals of expired sessions; none means that they are never removed."
        ),
        Setting(
            "PARANOID_SWEEP_RATE",
            .store,
            at: \.sweepRate,
            .number(50...10_000_000),
            "Most session files that a sweep looks at in a second."
        ),
        Setting(
            "PARANOID_SESSION_VALUE_LIMIT",
            .store,
            at: \.sessions.valueLimits.valueByteCount,
            .number(64...(1 << 28), "bytes"),
            "Most bytes of one encoded value of a session.",
            against: "sessions that grow"
        ),
        Setting(
            "PARANOID_SESSION_LIMIT",
            .store,
            at: \.sessions.valueLimits.sessionByteCount,
            .number(64...(1 << 28), "bytes"),
            "Most bytes of all values of a session together.",
            against: "sessions that grow"
        ),
        Setting(
            "PARANOID_SESSIONS_PER_USER",
            .store,
            atOptional: \.sessionsPerUser,
            .number(1...10_000),
            "Most sessions of one user at a time.",
            against: "shared and stolen accounts"
        ),
        Setting(
            "PARANOID_SESSIONS_PER_USER_POLICY",
            .store,
            at: \.sessionsPerUserPolicy,
            .choice(),
            "What happens to a login beyond PARANOID_SESSIONS_PER_USER: the session that began first ends (oldestEnds), or the login is "
                + "refused (refuse)."
        ),
        Setting(
            "PARANOID_ANONYMOUS_LIMIT",
            .store,
            atOptional: \.anonymousLimit,
            .number(1...1_000_000_000),
            "Most sessions in which nobody is logged in.",
            against: "floods of sessions"
        ),
        Setting(
            "PARANOID_SPACE_RESERVE",
            .store,
            at: \.reservedPercent,
            .number(0...90, "percent"),
            "Percent of space and inodes that sessions in which nobody is logged in may not use.",
            against: "floods of sessions"
        ),
        Setting(
            "PARANOID_NETWORK_STORE",
            .store,
            at: \.allowsNetworkStore,
            .flag,
            "Whether the session directory may lie on a network or FUSE file system."
        ),
    ]
}

extension SettingKind<SessionStoreChoice> {
    /// A store of sessions.
    static var storeChoice: Self {
        Self(
            SessionStoreChoice.allowed,
            parse: { $0.isEmpty || $0.utf8.contains(0) ? nil : SessionStoreChoice(text: $0) },
            format: { "\($0)" }
        )
    }
}

extension SettingKind<[String]> {
    /// Addresses and blocks of addresses.
    static var networks: Self {
        .list("addresses and blocks such as 10.0.0.0/8, without bits behind the prefix", where: { NetworkPrefix($0) != nil })
    }
}
