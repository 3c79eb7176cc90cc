internal import ArgumentParser

/// `paranoid manual`.
struct ManualCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual",
        abstract: "Prints the manual page (man 1), for packages."
    )

    func run() async throws {
        var lines = [
            ".TH PARANOID 1 \"\" \"paranoid \(ToolVersion.text)\"", ".SH NAME", "paranoid \\- \(Self.escaped(Tool.configuration.abstract))",
            ".SH SYNOPSIS", ".B paranoid", "COMMAND [OPTIONS]", ".SH DESCRIPTION", Self.escaped(Tool.configuration.discussion),
            ".SH COMMANDS",
        ]
        lines += Self.commands(Tool.self, path: "paranoid")
        lines += [
            ".SH OPTIONS", "Each command has", ".BR \\-\\-help ,", "which tells its arguments and options;", ".B paranoid \\-\\-version",
            "prints the version.",
        ]
        lines += [
            ".SH EXIT STATUS", ".TP", "0", "The command did what it was told.", ".TP", "1",
            "It did nothing or not all; standard error says why.",
            ".TP", "64", "The command line cannot be understood.", ".TP", "71",
            "The system lacks a resource.", ".TP", "75", "The disk is full, or the store does not answer: try again later.", ".TP", "78",
            "A setting cannot be used.", ".SH ENVIRONMENT",
            "The settings of the application; 'paranoid config explain' prints them with their values.", ".SH SEE ALSO", ".BR nginx (8)",
        ]
        print(lines.joined(separator: "\n"))
    }

    private static func commands(_ command: any ParsableCommand.Type, path: String) -> [String] {
        var lines: [String] = []
        for child in command.configuration.subcommands {
            guard let name = child.configuration.commandName else { continue }
            if child.configuration.subcommands.isEmpty {
                lines += [".TP", ".B \(Self.escaped("\(path) \(name)"))", Self.escaped(child.configuration.abstract)]
                if !child.configuration.discussion.isEmpty { lines.append(Self.escaped(child.configuration.discussion)) }
                lines += Self.parameters(of: child)
            } else {
                lines += self.commands(child, path: "\(path) \(name)")
            }
        }
        return lines
    }

    /// The arguments and options of a command, as its help has them.
    private static func parameters(of command: any ParsableCommand.Type) -> [String] {
        var lines: [String] = []
        for line in Tool.helpMessage(for: command, columns: 10_000).split(separator: "\n")
        where line.hasPrefix("  -") || line.hasPrefix("  <") {
            let line = line.drop { $0 == " " }
            // Two spaces or more part the name from the help.
            guard let gap = line.indices.first(where: { line[$0...].hasPrefix("  ") }) else { continue }
            let (label, help) = (String(line[..<gap]), line[gap...].drop { $0 == " " })
            // Every command has this one.
            guard !label.contains("--help"), !label.contains("--version") else { continue }
            if lines.isEmpty { lines.append(".RS") }
            lines += [".TP", ".B \(Self.escaped(label))", Self.escaped(String(help))]
        }
        if !lines.isEmpty { lines.append(".RE") }
        return lines
    }

    /// A text in which nothing is a request of troff.
    private static func escaped(_ text: String) -> String {
        let text = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&\(text)" : text
    }
}
