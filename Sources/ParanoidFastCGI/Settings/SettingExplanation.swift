/// One setting as it is in force.
package struct SettingExplanation: Sendable, Hashable {
    /// Where a value came from.
    package enum Source: String, Sendable, Hashable {
        /// Nobody has set it; some defaults depend on the profile.
        case `default`
        /// The environment.
        case environment
        /// The file that `PARANOID_ENV_FILE` names.
        case file
    }

    /// The name.
    package let name: String
    /// The heading of the settings it belongs to.
    package let group: String
    /// The value, as it could be set.
    package let value: String
    /// Where it came from.
    package let source: Source
    /// What it does and what it protects against, in one line that stands alone.
    package let purpose: String
}

extension ApplicationConfiguration {
    /// All settings, group by group; none is a secret.
    package func explained() -> [SettingExplanation] {
        Setting.all.map { setting in
            let source: SettingExplanation.Source =
                if self.namesFromFile.contains(setting.name) {
                    .file
                } else if self.environment[setting.name] != nil {
                    .environment
                } else {
                    .default
                }
            return SettingExplanation(
                name: setting.name,
                group: setting.group.rawValue,
                value: setting.show(self),
                source: source,
                purpose: setting.explanation
            )
        }
    }
}

/// The reference of all settings as Markdown, for the page *Settings*.
package enum SettingsReference {
    /// The line of the page above what is generated, and the line below.
    package static let marks = (begin: "<!-- paranoid config reference: begin -->", end: "<!-- paranoid config reference: end -->")

    /// A table for each group, every row of which stands alone.
    package static var markdown: String {
        var lines: [String] = []
        for group in Setting.Group.allCases {
            lines += ["## \(group.rawValue)", "", "| Name | Default | Allowed | Purpose |", "|---|---|---|---|"]
            for setting in Setting.all where setting.group == group {
                let threat = setting.threat.map { " Against \($0)." } ?? ""
                lines.append(
                    "| `\(setting.name)` | \(Self.defaultValue(of: setting)) | \(Self.cell(setting.allowed)) | "
                        + "\(Self.cell(setting.purpose))\(threat) |"
                )
            }
            lines.append("")
        }
        let names = Setting.all.map(\.name).filter { Setting.needingRestart.contains($0) }
        lines += [
            "## Settings that need a restart", "",
            "A reload reads every setting anew. The first process keeps the following ones until a restart, in full or in part. When a reload "
                + "finds a change of them, the log, the status and systemd's `STATUS=` name the setting.",
            "", names.map { "`\($0)`" }.joined(separator: ", ") + ".", "",
        ]
        return lines.joined(separator: "\n")
    }

    private static func defaultValue(of setting: Setting) -> String {
        if let text = setting.defaultText { return text }
        var configuration = ApplicationConfiguration(stateDirectory: "")
        let value = setting.show(configuration)
        if setting.name == "PSESSION_PROFILE" { return "`\(value)`" }
        var texts = ["`\(value)`"]
        for profile in ["balanced", "compatible"] {
            configuration = ApplicationConfiguration(stateDirectory: "")
            let isRead = Setting.all[0].read(profile, &configuration)
            precondition(isRead, "the first setting is the profile")
            let other = setting.show(configuration)
            if other != value { texts.append("`\(profile)`: `\(other)`") }
        }
        return texts.joined(separator: "; ")
    }

    /// A text within a row of a table: names with an underscore are code.
    private static func cell(_ text: String) -> String {
        text.split(separator: " ").map { word in
            guard word.contains("_") else { return String(word) }
            var name = word
            while let last = name.last, ",.;:".contains(last) { name = name.dropLast() }
            return "`\(name)`\(word.dropFirst(name.count))"
        }
        .joined(separator: " ")
        .replacing("|", with: "\\|")
    }
}
