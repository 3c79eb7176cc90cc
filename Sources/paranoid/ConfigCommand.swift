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
            commandName: "explain",
            abstract: "Prints settings as they are in force: name, value, where it came from, and what it does or protects against.",
            discussion: "Settings that the application makes in code are not known here."
        )

        @Argument(help: "Names of settings; none means all.")
        var names: [String] = []
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let all = ApplicationConfiguration.forTool().explained()
            for name in self.names where !all.contains(where: { $0.name == name }) {
                let nearest = NearestName.of(name.uppercased(), among: all.map(\.name)).map { "; did you mean \($0)?" }
                throw CommandFailure("there is no setting \(name.printable)\(nearest ?? "")")
            }
            let settings = all.filter { self.names.isEmpty || self.names.contains($0.name) }
            guard !self.output.json else {
                let values = settings.map { setting in
                    JSONValue.members([
                        "name": .text(setting.name), "value": .text(setting.value), "source": .text(setting.source.rawValue),
                        "group": .text(setting.group), "purpose": .text(setting.purpose),
                    ])
                }
                return print(JSONValue.list(values).text)
            }
            var group: String?
            for setting in settings {
                if setting.group != group { print("\(group == nil ? "" : "\n")# \(setting.group)") }
                group = setting.group
                print("\(setting.name)=\(setting.value)\t\(setting.source.rawValue)\t\(setting.purpose)")
            }
        }
    }

    /// Prints the reference of all settings.
    struct Reference: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reference",
            abstract: "Prints the reference of all settings as Markdown tables: name, default, allowed values, meaning."
        )

        func run() async throws {
            print(SettingsReference.markdown)
        }
    }
}
