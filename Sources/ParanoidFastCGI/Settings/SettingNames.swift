/// The names of all settings that the environment can hold, and what becomes of names that look like one.
enum SettingNames {
    static let known = Set(Setting.all.map { $0.name })

    /// Names with our prefixes that builds and tests use.
    private static let reserved: Set<String> = ["PARANOID_BIN_DIR", "PARANOID_STRICT"]

    /// How far a foreign `SESSION_` name may be from a setting before it counts as mistyped.
    private static let typingError = 2

    /// Refuses a name that looks like a setting and is none: a mistyped setting does not protect.
    ///
    /// Links that container platforms set for services are never refused, even for a service whose name begins as our settings do.
    /// `SESSION_` is a common prefix (desktops, Django, Flask, Laravel): such a name is refused only when it is almost one of our own.
    ///
    /// - Parameters:
    ///   - environment: All names and values.
    ///   - reserved: Further names that are no settings but ours.
    static func check(_ environment: [String: String], reserved: [String]) throws(ConfigurationError) {
        let aliases = ServiceLinks.aliases(in: environment)
        for name in environment.keys.sorted() where !self.known.contains(name) && !reserved.contains(name) && !self.reserved.contains(name)
        {
            let isOurs = name.hasPrefix("PARANOID_") || name.hasPrefix("PSESSION_")
            guard isOurs || name.hasPrefix("SESSION_") else { continue }
            if ServiceLinks.contains(name, aliases: aliases) { continue }
            if name == "PSESSION_REQUEST_FILTER_FUNCTION" {
                throw ConfigurationError(
                    setting: name,
                    problem: "a function can be set in code only (configuration.sessions.checks); from here, use PSESSION_FILTER_PREFIXES"
                )
            }
            let nearest = self.known.filter { isOurs || $0.hasPrefix("SESSION_") }
                .map { (name: $0, distance: NearestName.distance(name, $0)) }
                .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
            guard let nearest, isOurs || nearest.distance <= self.typingError else { continue }
            throw ConfigurationError(setting: name, problem: "there is no such setting; did you mean \(nearest.name)?")
        }
    }
}

/// The variables that Kubernetes and Docker set in a container for each service it can reach.
///
/// For a service `paranoid-app` they are `PARANOID_APP_SERVICE_HOST`, `PARANOID_APP_SERVICE_PORT_HTTP`, `PARANOID_APP_PORT_80_TCP_ADDR` and so on
/// (Kubernetes, *Discovering services*; Docker, *Legacy container links*).
private enum ServiceLinks {
    /// The services that Docker has linked: `ALIAS_NAME` holds the path `/container/alias`.
    static func aliases(in environment: [String: String]) -> [String] {
        environment.compactMap { name, value in
            guard name.hasSuffix("_NAME"), value.utf8.first == UInt8(ascii: "/") else { return nil }
            return String(name.dropLast("_NAME".count))
        }
    }

    /// Whether a name is that of a link.
    static func contains(_ name: String, aliases: [String]) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false).map {
            String(decoding: Array($0), as: UTF8.self)
        }
        if Self.isPort(parts) || Self.isService(parts) { return true }
        return aliases.contains { name == "\($0)_NAME" || name.hasPrefix("\($0)_ENV_") }
    }

    /// What stands behind a port's protocol; the last four are Docker's, for ports in a row.
    private static let portParts: Set<[String]> = [
        [], ["PROTO"], ["PORT"], ["ADDR"], ["START"], ["END"], ["PORT", "START"], ["PORT", "END"],
    ]

    /// `…_PORT`, or `…_PORT_80_TCP` with one of ``portParts`` behind it.
    private static func isPort(_ parts: [String]) -> Bool {
        parts.indices.dropFirst().contains { index in
            guard parts[index] == "PORT" else { return false }
            let rest = Array(parts[(index + 1)...])
            if rest.isEmpty { return true }
            guard rest.count >= 2, SettingText.digits(rest[0]) != nil, ["TCP", "UDP", "SCTP"].contains(rest[1]) else { return false }
            return self.portParts.contains(Array(rest[2...]))
        }
    }

    /// `…_SERVICE_HOST`, `…_SERVICE_PORT`, or `…_SERVICE_PORT_NAME` for a port with a name.
    private static func isService(_ parts: [String]) -> Bool {
        guard let service = parts.lastIndex(of: "SERVICE"), service > 0, service + 1 < parts.count else { return false }
        return parts[service + 1] == "PORT" || parts[service + 1] == "HOST" && service + 2 == parts.count
    }
}
