internal import ArgumentParser
internal import ParanoidFastCGI

/// `paranoid events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Prints what has happened to a user's sessions, as far as PARANOID_EVENT_FILE has kept it."
    )

    @Argument(help: "The application's name for the user.")
    var user: String
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let events = try UserEvents.of(self.user)
        if events.isEmpty, let similar = try await UserEvents.nearest(to: self.user) {
            throw CommandFailure("nothing is kept of '\(self.user.printable)'\(similar)")
        }
        UserEvents.print(events, self.output)
    }
}

/// The events of a user.
enum UserEvents {
    /// - Throws: ``CommandFailure`` where no events are kept.
    static func of(_ user: String) throws -> [KeptEvent] {
        guard let events = try Installation.administration().events(ofUser: user) else {
            throw CommandFailure("no events are kept: set PARANOID_EVENT_FILE to a path that the application may write, and reload it")
        }
        return events
    }

    /// A question after a user that has sessions and nearly that name; `nil` when there is none, or the user has sessions.
    static func nearest(to user: String) async throws -> String? {
        let administration = try Installation.administration()
        return try await administration.list(user: user).isEmpty ? administration.suggestion(for: user) : nil
    }

    static func print(_ events: [KeptEvent], _ output: OutputOptions) {
        output.print(
            ["time", "event", "session", "client", "explanation"],
            rows: events.map { event in
                [event.time.text, event.kind] + [event.session, event.client].map { $0.isEmpty ? "-" : $0.printable }
                    + [event.explanation.printable]
            },
            json: events.map { event in
                [
                    .text(event.time.text), .text(event.kind), event.session.isEmpty ? .null : .text(event.session),
                    event.client.isEmpty ? .null : .text(event.client), .text(event.explanation),
                ]
            }
        )
    }
}
