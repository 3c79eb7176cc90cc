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
            commandName: "rotate",
            abstract: "Adds a secret for new sessions; nobody is logged out.",
            discussion: "Workers use it for new sessions after their next restart (SIGHUP); from now on all of them know it."
        )

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let number = try ApplicationConfiguration.forTool().addServerSecret()
            self.output.print(
                "added secret \(number); reload the workers (SIGHUP) to use it for new sessions",
                json: .members(["added": .number(Int(number))])
            )
        }
    }

    /// Lists the secrets.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Prints the numbers of all secrets, newest first, and nothing else of them."
        )

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let numbers = try ApplicationConfiguration.forTool().serverSecretNumbers()
            self.output.print(
                numbers.map { "\($0)" }.joined(separator: "\n"),
                json: .list(numbers.map { .number(Int($0)) })
            )
        }
    }

    /// Removes a secret.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Removes a secret; every session that was begun under it ends with the next reload of the workers."
        )

        @Argument(help: "The number of the secret.")
        var number: UInt8
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let configuration = ApplicationConfiguration.forTool()
            let numbers = try configuration.serverSecretNumbers()
            if numbers.contains(self.number) {
                try self.confirmation.confirm("All sessions that were begun under secret \(self.number) will end.")
            }
            try configuration.removeServerSecret(self.number)
            self.output.print(
                "removed secret \(self.number); reload the workers (SIGHUP)",
                json: .members(["removed": .number(Int(self.number))])
            )
        }
    }
}
