/// The names of all settings that the environment can hold.
enum SettingNames {
    static let known = SettingDescription.all.map(\.name).sorted()

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
