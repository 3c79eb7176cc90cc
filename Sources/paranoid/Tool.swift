internal import ArgumentParser
@unsafe @preconcurrency internal import Glibc

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
        await self.main(nil)
        // A list that is cut by a full disk must not look like a whole one.
        guard unsafe fflush(stdout) != 0 || ferror(stdout) != 0 else { return }
        let message = "Error: the output could not be written: \(unsafe String(cString: strerror(errno)))\n"
        _ = unsafe message.withCString { unsafe write(STDERR_FILENO, $0, strlen($0)) }
        Glibc.exit(EXIT_FAILURE)
    }
}

/// Why a command did nothing, for the person who typed it.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
