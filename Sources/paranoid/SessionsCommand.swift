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
        subcommands: [List.self, Why.self, Revoke.self, RevokeAll.self, RevokeEveryone.self, Reindex.self, Sweep.self, Migrate.self]
    )

    /// Lists a user's sessions.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Lists a user's sessions and remembered logins, the oldest login first; times are UTC."
        )

        @Argument(help: "The application's name for the user.")
        var user: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let sessions = try await UserSessions(self.user)
            self.output.print(
                ["handle", "login", "last write", "end", "kind", "address", "device"],
                rows: sessions.listings.map(\.texts),
                json: sessions.listings.map(\.values)
            )
        }
    }

    /// Ends one session.
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Ends one of a user's sessions.")

        @Argument(help: "The application's name for the user.")
        var user: String
        @Argument(help: "The handle that list shows.")
        var handle: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let sessions = try await UserSessions(self.user)
            let nearest =
                NearestName.of(self.handle, among: sessions.listings.map(\.handle.description)).map { "; did you mean \($0)?" } ?? ""
            guard let handle = SessionHandle(self.handle) else {
                throw CommandFailure(
                    "'\(self.handle.printable)' is not a handle\(nearest.isEmpty ? ": copy one from 'paranoid sessions list'" : nearest)"
                )
            }
            guard try await sessions.administration.revoke(handle, of: self.user) else {
                throw CommandFailure("user '\(self.user.printable)' has no session \(self.handle)\(nearest)")
            }
            self.output.print("1 session has ended", json: .members(["ended": .number(1)]))
        }
    }

    /// Ends all sessions of a user.
    struct RevokeAll: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke-all",
            abstract: "Ends all sessions and remembered logins of a user; asks first when there are several."
        )

        @Argument(help: "The application's name for the user.")
        var user: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let sessions = try await UserSessions(self.user)
            if sessions.listings.count > 1 {
                try self.confirmation.confirm("\(sessions.listings.count) sessions of '\(self.user.printable)' will end.")
            }
            let count = try await sessions.administration.revokeAll(user: self.user)
            self.output.print(count.counted("session has ended", "sessions have ended"), json: .members(["ended": .number(count)]))
        }
    }

    /// Ends all sessions.
    struct RevokeEveryone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke-everyone",
            abstract: "Ends all sessions of all users at once, also those without a login; asks first."
        )

        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let configuration = ApplicationConfiguration.forTool()
            let administration = try Installation.administration(configuration)
            try self.confirmation.confirm("All sessions of all users in \(configuration.storePlace) will end.")
            try await administration.revokeEveryone()
            self.output.print("all sessions have ended", json: .members(["ended": .text("all")]))
        }
    }

    /// Says why a user was logged out.
    struct Why: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "why",
            abstract: "Says when and why sessions of a user ended, as far as PARANOID_EVENT_FILE has kept it.",
            discussion: "Also an expiry is told, when a request has shown the session since or the sweep has removed it."
        )

        @Argument(help: "The application's name for the user.")
        var user: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let kept = try UserEvents.of(self.user)
            let events = kept.filter(\.endsSession)
            guard !events.isEmpty || self.output.json else {
                let similar = kept.isEmpty ? try await UserEvents.nearest(to: self.user) : nil
                throw CommandFailure(
                    "no session of '\(self.user.printable)' has ended, as far as the file of events goes back\(similar ?? "")"
                )
            }
            UserEvents.print(events, self.output)
        }
    }

    /// Makes the index of users anew.
    struct Reindex: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reindex",
            abstract: "Makes the index of users anew from the sessions, while they are in use."
        )

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let count = try await Installation.administration().reindex()
            self.output.print(count.counted("session was missing", "sessions were missing"), json: .members(["missing": .number(count)]))
        }
    }

    /// Removes what expired.
    struct Sweep: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sweep",
            abstract: "Removes what has expired, now and without a pause."
        )

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let report = try await Installation.administration().sweep()
            self.output.print(
                "live \(report.live), of them anonymous \(report.anonymous), removed \(report.removed), skipped \(report.skipped)",
                json: .members([
                    "live": .number(report.live), "anonymous": .number(report.anonymous), "removed": .number(report.removed),
                    "skipped": .number(report.skipped),
                ])
            )
        }
    }
}

extension SessionsCommand {
    /// Moves sessions to another store.
    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "migrate",
            abstract: "Moves all sessions between files and Redis while the application serves; nobody is logged out.",
            discussion: """
                First run it with --prepare. Then restart the application with PARANOID_STORE and PARANOID_STORE_FROM, so that it reads both stores, \
                and run it without --prepare. It may be stopped and run again. When nothing is left, restart the application without \
                PARANOID_STORE_FROM. A store is files or an address as in PARANOID_STORE; an address with a password belongs into the environment, \
                as other users of the host see the words of a command.
                """
        )

        @Option(help: "The store that the sessions come from; PARANOID_STORE_FROM by default.")
        var from: String?
        @Option(help: "The store that they go to; PARANOID_STORE by default.")
        var to: String?
        @Flag(help: "Only let the new store count on from the old one; moves nothing.")
        var prepare = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var configuration = ApplicationConfiguration.forTool()
            try configuration.move(from: self.from, to: self.to)
            let migration = try SessionMigration(configuration: configuration)
            if self.prepare {
                try await migration.prepare()
                self.output.print(
                    "prepared; restart the application with PARANOID_STORE and PARANOID_STORE_FROM",
                    json: .members(["prepared": .bool(true)])
                )
                return
            }
            let report = try await migration.run()
            self.output.print(
                "moved \(report.moved), left \(report.left)",
                json: .members(["moved": .number(report.moved), "left": .number(report.left)])
            )
            if report.left > 0 {
                throw CommandFailure("\(report.left) could not be moved; run it again (\(report.problem ?? "they are in use"))")
            }
        }
    }
}

/// `paranoid tag`.
struct TagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Prints what log lines call a user (session.user), so that they can be searched.",
        discussion: "One tag for each secret of the server, the newest first: sessions of an older secret are logged under its tag."
    )

    @Argument(help: "The application's name for the user.")
    var user: String
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let tags = try Installation.administration().logTags(ofUser: self.user)
        self.output.print(
            ["secret", "tag"],
            rows: tags.map { ["\($0.secret)", $0.tag] },
            json: tags.map { [.number(Int($0.secret)), .text($0.tag)] }
        )
    }
}

extension SessionAdministration {
    /// A question after a user that has sessions and nearly that name; `nil` when there is none.
    func suggestion(for user: String) async throws -> String? {
        try await self.similarUser(to: user).map { "; did you mean '\($0.printable)'?" }
    }
}

/// The sessions of a user that has some.
private struct UserSessions {
    let administration: SessionAdministration
    let listings: [SessionListing]

    /// - Throws: ``CommandFailure`` that names the directory, and a user with nearly that name, when there are none.
    init(_ user: String) async throws {
        let configuration = ApplicationConfiguration.forTool()
        self.administration = try Installation.administration(configuration)
        self.listings = try await self.administration.list(user: user)
        guard self.listings.isEmpty else { return }
        let similar = try await self.administration.suggestion(for: user)
        throw CommandFailure("user '\(user.printable)' has no session in \(configuration.storePlace)\(similar ?? "")")
    }
}

extension SessionListing {
    private var times: [Timestamp] { [self.loggedInAt ?? self.createdAt, self.writtenAt, self.expiresAt] }

    fileprivate var texts: [String] {
        [self.handle.description] + self.times.map(\.text)
            + [self.kind.rawValue, (self.device?.address ?? "-").printable, (self.device?.label ?? "-").printable]
    }

    fileprivate var values: [JSONValue] {
        [.text(self.handle.description)] + self.times.map { .text($0.text) }
            + [.text(self.kind.rawValue), .optional(self.device?.address), .optional(self.device?.label)]
    }
}

extension Timestamp {
    /// The second, such as `1994-11-06T08:49:37Z`.
    var text: String { HTTPDate(secondsSinceUnixEpoch: self.nanosecondsSinceEpoch / 1_000_000_000).timestamp }
}
