internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid secret`.
struct SecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret",
        abstract: "The server's secrets, which name and seal sessions.",
        subcommands: [Rotate.self, List.self, Remove.self]
    )

    /// Adds a secret.
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a secret for new sessions; nobody is logged out.",
            discussion: "Workers use it for new sessions after their next restart (SIGHUP); from now on all of them know it."
        )

        func run() async throws {
            let number = try ApplicationConfiguration.fromEnvironment().addServerSecret()
            print("added secret \(number); reload the workers (SIGHUP) to use it for new sessions")
        }
    }

    /// Lists the secrets.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the numbers of all secrets, newest first, and nothing else of them."
        )

        func run() async throws {
            for number in try ApplicationConfiguration.fromEnvironment().serverSecretNumbers() { print(number) }
        }
    }

    /// Removes a secret.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a secret; every session that was begun under it ends with the next reload of the workers."
        )

        @Argument(help: "The number of the secret.")
        var number: UInt8

        func run() async throws {
            try ApplicationConfiguration.fromEnvironment().removeServerSecret(self.number)
            print("removed secret \(self.number); reload the workers (SIGHUP)")
        }
    }
}
