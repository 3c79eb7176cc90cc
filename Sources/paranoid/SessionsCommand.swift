internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid sessions`.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "The sessions of users.",
        discussion: """
            Works on the session directory of an application that runs or has run, and never makes one. A wrong environment ends a command with an \
            error that names the directory.
            """,
        subcommands: [List.self, Revoke.self, RevokeAll.self, RevokeEveryone.self, Reindex.self, Sweep.self]
    )

    private static func administration() throws -> SessionAdministration {
        try SessionAdministration(configuration: .fromEnvironment())
    }

    /// Lists a user's sessions.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Lists a user's sessions and remembered logins: handle, login, last write and end in seconds since 1970, device, address, kind."
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
            guard let handle = SessionHandle(self.handle) else {
                throw CommandFailure("'\(self.handle.printable)' is not a handle: copy one from 'paranoid sessions list'")
            }
            guard try await SessionsCommand.administration().revoke(handle, of: self.user) else {
                throw CommandFailure("user '\(self.user.printable)' has no session \(self.handle)")
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
            let count = try await SessionsCommand.administration().revokeAll(user: self.user)
            guard count > 0 else { throw CommandFailure("user '\(self.user.printable)' has no session") }
            print("\(count) sessions have ended")
        }
    }

    /// Ends all sessions.
    struct RevokeEveryone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends all sessions of all users at once, also those without a login.")

        func run() async throws {
            try await SessionsCommand.administration().revokeEveryone()
            print("all sessions have ended")
        }
    }

    /// Makes the index of users anew.
    struct Reindex: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes the index of users anew from the sessions, while they are in use.")

        func run() async throws {
            let count = try await SessionsCommand.administration().reindex()
            print("\(count) sessions were missing")
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
        return
            ([self.handle.description] + times + [self.device?.label, self.device?.address].map { ($0 ?? "-").printable }
            + [self.kind.rawValue])
            .joined(separator: "\t")
    }
}

extension String {
    /// The text without what could steer a terminal: a client or a mistyped argument may have chosen it.
    fileprivate var printable: String {
        String(decoding: self.utf8.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
