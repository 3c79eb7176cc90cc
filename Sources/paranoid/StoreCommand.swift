internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid store`.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "The store of sessions in Redis.",
        subcommands: [Access.self]
    )

    /// Prints the rights of a user.
    struct Access: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "acl",
            abstract: "Prints the command that makes a user of Redis with the rights that the store needs, and no others.",
            discussion: "Put the password in the place of PASSWORD. It does not connect to Redis."
        )

        @Argument(help: "The name of the user.")
        var user: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let rule = try ApplicationConfiguration.forTool().storeAccessRule(user: self.user)
            self.output.print(rule, json: .members(["command": .text(rule)]))
        }
    }
}
