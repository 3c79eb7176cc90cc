internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "config", abstract: "The settings.", subcommands: [Explain.self])

    /// Prints all settings.
    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every setting as it is in force: name, value, where it came from, and what it does or protects against.",
            discussion: "Settings that the application makes in code are not known here."
        )

        func run() async throws {
            for setting in ApplicationConfiguration.fromEnvironment().explained() {
                print("\(setting.name)=\(setting.value)\t\(setting.source.rawValue)\t\(setting.purpose)")
            }
        }
    }
}
