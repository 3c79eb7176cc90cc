internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "The settings.",
        subcommands: [Explain.self, Reference.self]
    )

    /// Prints all settings as they are in force.
    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every setting as it is in force: name, value, where it came from, and what it does or protects against.",
            discussion: "Settings that the application makes in code are not known here."
        )

        func run() async throws {
            var group: String?
            for setting in ApplicationConfiguration.fromEnvironment().explained() {
                if setting.group != group { print("\(group == nil ? "" : "\n")# \(setting.group)") }
                group = setting.group
                print("\(setting.name)=\(setting.value)\t\(setting.source.rawValue)\t\(setting.purpose)")
            }
        }
    }

    /// Prints the reference of all settings.
    struct Reference: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the reference of all settings as Markdown tables: name, default, allowed values, meaning."
        )

        func run() async throws {
            print(SettingsReference.markdown)
        }
    }
}
