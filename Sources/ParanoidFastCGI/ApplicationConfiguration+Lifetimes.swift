internal import ParanoidSessions

extension ApplicationConfiguration {
    /// Reads when sessions end however much they are used.
    static func readLifetimes(_ reader: SettingsReader, into settings: inout GuardSettings) throws(ConfigurationError) {
        let seconds = 1...Int(Int32.max)
        settings.absoluteLifetime = try reader.optionalNumber("SESSION_ABSOLUTE_AGE", settings.absoluteLifetime, in: seconds)
        settings.anonymousAbsoluteLifetime = try reader.optionalNumber(
            "SESSION_ANONYMOUS_ABSOLUTE_AGE",
            settings.anonymousAbsoluteLifetime,
            in: seconds
        )
        guard settings.profile.isCompatible else { return }
        // A setting that does nothing is one that does not protect.
        for name in ["SESSION_ABSOLUTE_AGE", "SESSION_ANONYMOUS_ABSOLUTE_AGE"] {
            guard let text = reader.text(name), text.lowercased() != "none" else { continue }
            throw ConfigurationError(setting: name, problem: "profile compatible has no absolute time-out; use another PSESSION_PROFILE")
        }
    }
}
