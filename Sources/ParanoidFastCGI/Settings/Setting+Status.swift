internal import FastCGIServer
internal import Logging

// The settings of the status socket and the logs.
extension Setting {
    static let status = [
        Setting(
            "PARANOID_STATUS",
            .status,
            at: \.status,
            .optionalText("unix:PATH, HOST:PORT or [IPV6]:PORT"),
            "Where the status is asked for over HTTP: health, a page, JSON and metrics.",
            default:
                "`unix:` beside the socket of `PARANOID_LISTEN` if that names one (`app.sock`: `app.status.sock`), else `status.sock` in "
                + "`$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/paranoid`, beside `PARANOID_SESSION_DIR`, or in *State*",
            derive: { configuration, surroundings in configuration.status = Directories.status(surroundings.environment) }
        ),
        Setting(
            "PARANOID_STATUS_MODE",
            .status,
            at: \.statusMode,
            .mode,
            "Permission bits of the status socket.",
            against: "other users of this machine"
        ),
        Setting(
            "PARANOID_STATUS_CLIENTS",
            .status,
            at: \.statusClients,
            .networks,
            "Addresses from which the status is told over TCP; none means nobody.",
            against: "other machines"
        ),
    ]

    static let logging = [
        Setting(
            "PARANOID_LOG_FILE",
            .logging,
            at: \.logFile,
            .optionalText("a path"),
            "File that standard error goes to, opened anew at SIGUSR1; none leaves standard error where it goes at the start."
        ),
        Setting(
            "PARANOID_LOG_FORMAT",
            .logging,
            at: \.logFormat,
            .choice(),
            "Form of log lines: text for people, or json with one object a line.",
            against: "log lines that clients invent"
        ),
        Setting("PARANOID_LOG_LEVEL", .logging, at: \.logLevel, .choice(), "Lowest level of log lines that are written."),
        Setting(
            "PARANOID_SLOW_REQUEST",
            .logging,
            atOptional: \.slowRequest,
            .seconds(isAboveZero: true),
            "Time from which on a request is slow: the log says so, with the time of each phase; at most ten lines a second in each worker."
        ),
        Setting(
            "PARANOID_EVENT_FILE",
            .logging,
            at: \.eventFile,
            .optionalText("a path"),
            "File that keeps the last 20000 events of users' sessions, sealed, for `paranoid sessions why`; none keeps nothing."
        ),
        Setting(
            "PARANOID_ACCESS_LOG",
            .logging,
            at: \.accessLog,
            .optionalText("a path, stdout, stderr or syslog"),
            "Where a line for each request goes, with the address of the client; a file is opened anew at SIGUSR1."
        ),
        Setting(
            "PARANOID_ACCESS_LOG_FORMAT",
            .logging,
            at: \.accessLogFormat,
            SettingKind(
                "json, combined, or a template in the syntax of Apache's LogFormat",
                parse: { AccessLogFormat($0) == nil ? nil : $0 },
                format: { $0 }
            ),
            "Form of the lines of PARANOID_ACCESS_LOG."
        ),
    ]
}

extension Directories {
    /// Where the status socket is unless a setting says otherwise; the command-line tool finds it by the same rule.
    static func status(_ environment: [String: String]) -> String? {
        if let listen = environment["PARANOID_LISTEN"], listen.hasPrefix("unix:/") {
            return (listen.hasSuffix(".sock") ? String(listen.dropLast(".sock".count)) : listen) + ".status.sock"
        }
        if let directory = Self.runtime(environment) { return "unix:\(directory)/status.sock" }
        if let sessions = environment["PARANOID_SESSION_DIR"] {
            // Nothing else of the application is in the state directory then.
            return sessions.utf8.lastIndex(of: UInt8(ascii: "/")).map { "unix:\(sessions[..<$0])/status.sock" }
        }
        return (try? Self.state(environment)).map { "unix:\($0)/status.sock" }
    }
}
