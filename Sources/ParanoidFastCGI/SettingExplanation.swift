/// One setting as it is in force.
public struct SettingExplanation: Sendable, Hashable {
    /// Where a value came from.
    public enum Source: String, Sendable, Hashable {
        /// Nobody has set it; some defaults depend on the profile.
        case `default`
        /// The environment.
        case environment
        /// The file that `PARANOID_ENV_FILE` names.
        case file
    }

    /// The name.
    public let name: String
    /// The value, as it could be set.
    public let value: String
    /// Where it came from.
    public let source: Source
    /// What it does, or protects against.
    public let purpose: String
}

extension ApplicationConfiguration {
    /// All settings, sorted by name; none is a secret.
    public func explained() -> [SettingExplanation] {
        SettingDescription.all.map { setting in
            let source: SettingExplanation.Source =
                if self.namesFromFile.contains(setting.name) {
                    .file
                } else if self.environment[setting.name] != nil {
                    .environment
                } else {
                    .default
                }
            return SettingExplanation(name: setting.name, value: setting.value(self), source: source, purpose: setting.purpose)
        }
        .sorted { $0.name < $1.name }
    }
}
