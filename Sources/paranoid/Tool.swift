internal import ArgumentParser
internal import ParanoidFastCGI

/// The command that looks after an application from outside: its processes, secrets and sessions.
@main
struct Tool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paranoid",
        abstract: "Looks after a ParanoidFastCGI application: its processes, settings, secrets and sessions.",
        discussion: """
            Reads the same settings as the application, from the environment and from the file that PARANOID_ENV_FILE names, and has to run \
            as the same user. No command makes a session directory or a secret.
            """,
        version: "paranoid \(ToolVersion.text)",
        subcommands: [
            StatusCommand.self, WorkersCommand.self, ReloadCommand.self, StopCommand.self, SessionsCommand.self, SecretCommand.self,
            StoreCommand.self, ConfigCommand.self, EventsCommand.self, TagCommand.self, DoctorCommand.self, NginxCommand.self,
            ManualCommand.self,
        ]
    )

    static func main() async {
        CommandLineOutput.prepare()
        let words = Array(CommandLine.arguments.dropFirst())
        do throws(CommandFailure) {
            try Self.checkNames(of: words)
        } catch {
            CommandLineOutput.fail("Error: \(error)", code: Self.usageExitCode)
        }
        do {
            var command = try Self.parseAsRoot(words)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch {
            if let code = CommandLineOutput.exitCode(toTryAgain: error) { CommandLineOutput.fail("Error: \(error)", code: code) }
            Self.exit(withError: error)
        }
        CommandLineOutput.finish()
    }

    /// A command line that cannot be understood (EX_USAGE, as ArgumentParser has it).
    private static let usageExitCode: Int32 = 64

    /// Refuses a command that does not exist and names the nearest one.
    private static func checkNames(of words: [String]) throws(CommandFailure) {
        var command: any ParsableCommand.Type = Self.self
        var path = [Self.configuration.commandName ?? ""]
        for word in words {
            let children = command.configuration.subcommands
            guard !children.isEmpty, word.utf8.first != UInt8(ascii: "-"), word != "help" else { return }
            guard let child = children.first(where: { $0.configuration.commandName == word }) else {
                let names = children.compactMap { $0.configuration.commandName }
                // Not commands of a program's own, but names that people try.
                let known = names + (path.count == 1 ? ["help", "--version"] : ["help"])
                let nearest = NearestName.of(word, among: known).map { "did you mean '\((path + [$0]).joined(separator: " "))'?" }
                let command = (path + [word.printable]).joined(separator: " ")
                throw CommandFailure("there is no command '\(command)'; \(nearest ?? "the commands are \(names.joined(separator: ", "))")")
            }
            command = child
            path.append(word)
        }
    }
}

/// The version of the tool and of the library it comes with.
enum ToolVersion {
    static let text = "0.1.0-dev"
}

/// Why a command did nothing, for the person who typed it.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension String {
    /// The text without what could steer a terminal: a client or a mistyped argument may have chosen it.
    var printable: String {
        String(decoding: self.utf8.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
