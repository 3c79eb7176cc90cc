internal import ArgumentParser
internal import ParanoidFastCGI

/// The command that looks after the secrets and sessions of an application from outside.
@main
struct Tool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paranoid",
        abstract: "Looks after the secrets and sessions of a ParanoidFastCGI application.",
        discussion: """
            Reads the same settings as the application, from the environment and from the file that PARANOID_ENV_FILE names, and has to run \
            as the same user.
            """,
        subcommands: [ConfigCommand.self, SecretCommand.self, SessionsCommand.self]
    )

    static func main() async {
        CommandLineOutput.prepare()
        await self.main(nil)
        CommandLineOutput.finish()
    }
}

/// Why a command did nothing, for the person who typed it.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
