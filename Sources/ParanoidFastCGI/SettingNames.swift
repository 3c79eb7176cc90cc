/// The names of all settings that the environment can hold.
enum SettingNames {
    static let known: [String] = [
        "PARANOID_ANONYMOUS_LIMIT", "PARANOID_BODY_LIMIT", "PARANOID_DRAIN_TIMEOUT", "PARANOID_DURABILITY", "PARANOID_ENV_FILE",
        "PARANOID_GROUP", "PARANOID_HEARTBEAT_TIMEOUT", "PARANOID_LISTEN", "PARANOID_LISTEN_CLIENTS", "PARANOID_LISTEN_GROUP",
        "PARANOID_LISTEN_MODE", "PARANOID_LISTEN_OWNER", "PARANOID_LISTEN_PEERS", "PARANOID_LOCK_PATIENCE", "PARANOID_LOG_FILE",
        "PARANOID_LOG_FORMAT", "PARANOID_LOG_LEVEL", "PARANOID_MAX_REQUESTS", "PARANOID_NETWORK_STORE", "PARANOID_PARAMETER_BYTES",
        "PARANOID_PARAMETER_LIMIT", "PARANOID_READ_TIMEOUT", "PARANOID_REQUEST_DEADLINE", "PARANOID_REQUEST_GRACE",
        "PARANOID_REQUEST_LIMIT", "PARANOID_RESPONSE_HEAD_WARNING", "PARANOID_SCALING", "PARANOID_SECRET_FILE",
        "PARANOID_SESSIONS_PER_USER", "PARANOID_SESSIONS_PER_USER_POLICY", "PARANOID_SESSION_DIR", "PARANOID_SESSION_LIMIT",
        "PARANOID_SESSION_VALUE_LIMIT", "PARANOID_SPACE_RESERVE", "PARANOID_SWEEP_INTERVAL", "PARANOID_SWEEP_RATE", "PARANOID_THREADS",
        "PARANOID_TRUSTED_PROXIES", "PARANOID_USER", "PARANOID_WORKERS", "PARANOID_WORKERS_MAX", "PARANOID_WORKERS_MIN",
        "PARANOID_WORKER_MEMORY", "PARANOID_WRITE_TIMEOUT", "PSESSION_ADDRESS_PREFIX", "PSESSION_CHECK_HEADERS",
        "PSESSION_CLEAR_SESSION_FUNCTION", "PSESSION_COOKIE_HTTPONLY", "PSESSION_COOKIE_NAME", "PSESSION_COOKIE_PREFIX",
        "PSESSION_DELAY_BOUND", "PSESSION_FILTER_PREFIXES", "PSESSION_HTTPS_ONLY", "PSESSION_KEY_TIMEOUT", "PSESSION_NONCE_TIMEOUT",
        "PSESSION_NONCE_WINDOW", "PSESSION_NONCE_WINDOW_TIMEOUT", "PSESSION_PROFILE", "PSESSION_REFUSAL", "PSESSION_REUSE",
        "PSESSION_SECURE_COOKIE_NAME", "PSESSION_SESSION_KEY", "PSESSION_SIGNALS", "SESSION_ABSOLUTE_AGE",
        "SESSION_ANONYMOUS_ABSOLUTE_AGE", "SESSION_ANONYMOUS_AGE", "SESSION_COOKIE_AGE", "SESSION_COOKIE_DOMAIN",
        "SESSION_COOKIE_NAME", "SESSION_COOKIE_PATH", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_SECURE",
        "SESSION_EXPIRE_AT_BROWSER_CLOSE", "SESSION_REMEMBER_AGE", "SESSION_SAVE_EVERY_REQUEST",
    ]

    /// Names with our prefixes that are set by the supervisor for its workers, or for builds and tests.
    static let reserved: Set<String> = ["PARANOID_BIN_DIR", "PARANOID_STRICT"]

    /// Refuses a name that looks like a setting and is none, as a mistyped setting is one that does not protect.
    ///
    /// `SESSION_` is a common prefix (desktops set `SESSION_MANAGER`): such a name is refused only when it resembles a setting.
    static func check(_ names: some Sequence<String>, reserved: [String]) throws(ConfigurationError) {
        for name in names where !self.known.contains(name) && !reserved.contains(name) && !self.reserved.contains(name) {
            let isOurs = name.hasPrefix("PARANOID_") || name.hasPrefix("PSESSION_")
            guard isOurs || name.hasPrefix("SESSION_") else { continue }
            if name == "PSESSION_REQUEST_FILTER_FUNCTION" {
                throw ConfigurationError(
                    setting: name,
                    problem: "a function can be set in code only (configuration.sessions.checks); from here, use PSESSION_FILTER_PREFIXES"
                )
            }
            let nearest = self.known.map { (name: $0, distance: self.distance(name, $0)) }.min { $0.distance < $1.distance }
            guard let nearest, isOurs || nearest.distance <= 3 else { continue }
            throw ConfigurationError(setting: name, problem: "there is no such setting; did you mean \(nearest.name)?")
        }
    }

    /// How many bytes have to be added, removed or changed to get from one name to the other (Levenshtein).
    static func distance(_ first: String, _ second: String) -> Int {
        let first = Array(first.utf8)
        let second = Array(second.utf8)
        var row = Array(0...second.count)
        for (index, byte) in first.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in 0..<second.count {
                let change = diagonal + (byte == second[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[second.count]
    }
}
