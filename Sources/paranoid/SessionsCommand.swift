internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid sessions`.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "The sessions of users.",
        subcommands: [List.self, Revoke.self, RevokeAll.self, RevokeEveryone.self, Reindex.self, Sweep.self]
    )

    private static func administration() throws -> SessionAdministration {
        try SessionAdministration(configuration: .fromEnvironment())
    }

    /// Lists a user's sessions.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists a user's sessions: handle, begin, last write and end in seconds since 1970, device, address."
        )

        @Argument(help: "The application's name for the user.")
        var user: String

        func run() async throws {
            for session in try await SessionsCommand.administration().list(user: self.user) { print(session.line) }
        }
    }

    /// Ends one session.
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends one of a user's sessions.")

        @Argument(help: "The application's name for the user.")
        var user: String
        @Argument(help: "The handle that list shows.")
        var handle: String

        func run() async throws {
            guard let handle = SessionHandle(self.handle) else { throw ValidationError("a handle has 16 hexadecimal digits") }
            guard try await SessionsCommand.administration().revoke(handle, of: self.user) else {
                print("no such session of this user")
                throw ExitCode.failure
            }
            print("1 session has ended")
        }
    }

    /// Ends all sessions of a user.
    struct RevokeAll: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends all sessions of a user.")

        @Argument(help: "The application's name for the user.")
        var user: String

        func run() async throws {
            print("\(try await SessionsCommand.administration().revokeAll(user: self.user)) sessions have ended")
        }
    }

    /// Ends all sessions.
    struct RevokeEveryone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends all sessions of everybody at once.")

        func run() async throws {
            try await SessionsCommand.administration().revokeEveryone()
            print("all sessions have ended")
        }
    }

    /// Makes the index of users anew.
    struct Reindex: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes the index of users anew from the sessions, while they are in use.")

        func run() async throws {
            print("\(try await SessionsCommand.administration().reindex()) sessions were missing")
        }
    }

    /// Removes what expired.
    struct Sweep: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes what has expired, now and without a pause.")

        func run() async throws {
            let report = try await SessionsCommand.administration().sweep()
            print("live \(report.live), of them anonymous \(report.anonymous), removed \(report.removed), skipped \(report.skipped)")
        }
    }
}

extension SessionListing {
    fileprivate var line: String {
        let times = [self.loggedInAt ?? self.createdAt, self.writtenAt, self.expiresAt].map {
            "\($0.nanosecondsSinceEpoch / 1_000_000_000)"
        }
        return ([self.handle.description] + times + [self.device?.label, self.device?.address].map { Self.printable($0 ?? "-") })
            .joined(separator: "\t")
    }

    /// Text that a client chose must not steer the terminal.
    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
