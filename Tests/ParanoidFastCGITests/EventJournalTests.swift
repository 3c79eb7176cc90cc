import Foundation
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import ParanoidFastCGI

@Suite("The file of events")
struct EventJournalTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func makeApp(limit: Int? = nil) throws -> (Application, TestClient) {
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.eventFile = "\(self.directory.path)/events"
        configuration.sessionsPerUser = limit
        let app = try Application(configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        app.post("/login") { request in
            try await request.session.logIn(as: request.query.first(named: "user") ?? "ann")
            return "in"
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        return (app, TestClient(app))
    }

    @Test("says why each session of a user ended, and nothing of other users")
    func why() async throws {
        var (app, client) = try self.makeApp(limit: 1)
        var others = [TestClient(app), TestClient(app)]
        _ = try await client.post("/login?user=ann")
        _ = try await others[0].post("/login?user=ann")
        _ = try await others[1].post("/login?user=bob")
        _ = try await others[1].post("/logout")
        #expect(try await app.sessions.revokeAll(user: "ann") == 1)
        try await app.sessions.revokeEveryone()
        let events = try #require(try app.sessions.events(ofUser: "ann"))
        #expect(events.map(\.kind).sorted() == ["limit", "login", "login", "revoked", "revoked everyone"])
        let handles = events.filter { $0.kind == "login" }.map(\.session)
        #expect(Set(handles).count == 2 && events.first { $0.kind == "limit" }?.session == handles[0])
        #expect(events.filter(\.endsSession).count == 3)
        #expect(events.allSatisfy { $0.user == "ann" || $0.kind == "revoked everyone" })
        #expect(try app.sessions.events(ofUser: "bob")?.map(\.kind) == ["login", "logout", "revoked everyone"])
        #expect(try app.sessions.events(ofUser: "carol")?.map(\.kind) == ["revoked everyone"])
    }

    @Test("tells of sessions whose time was over and that nobody showed any more, to those whose sessions they were")
    func unseen() async throws {
        var (app, client) = try self.makeApp()
        var other = TestClient(app)
        _ = try await client.post("/login?user=ann")
        _ = try await other.post("/login?user=bob")
        let handle = try #require(try await app.sessions.list(user: "ann").first?.handle)
        let end = Timestamp(secondsSinceEpoch: 4_000_000_000)
        let parts = try app.access.open(.making)
        parts.journal?.note(expired: [SweepReport.Expired(handle: handle, at: end)])
        let last = try #require(try app.sessions.events(ofUser: "ann")?.last)
        #expect(last.kind == "expired" && last.session == handle.description && last.time == end && last.endsSession)
        #expect(last.explanation == "the time of the session was over, and no request had shown it since")
        #expect(try app.sessions.events(ofUser: "bob")?.map(\.kind) == ["login"])
    }

    @Test(
        "says what was found about a client",
        arguments: [
            ("changed", "agent address", "the client has changed (agent address)"),
            ("changed", "cookies", "cookies that the client was given never came back"),
            (
                "challenged", "agent cookies",
                "withheld until the user proves to be the owner: the client has changed (agent), and cookies that the client was given never came back"
            ),
            ("challenged", "", "withheld until the user proves to be the owner"),
        ]
    )
    func findings(_ kind: String, _ signals: String, _ text: String) {
        let event = KeptEvent(
            time: Timestamp(secondsSinceEpoch: 1),
            kind: kind,
            reason: "signals",
            session: "",
            user: "ann",
            client: "",
            signals: signals,
            count: 1
        )
        #expect(event.explanation == text)
    }

    @Test("tells who ended sessions from outside of a request: the command-line tool or the application")
    func administrators() async throws {
        var (app, client) = try self.makeApp()
        var other = TestClient(app)
        _ = try await client.post("/login?user=ann")
        _ = try await other.post("/login?user=ann")
        let handle = try #require(try await app.sessions.list(user: "ann").first?.handle)
        #expect(try await app.sessions.revoke(handle, of: "ann"))
        let tool = try SessionAdministration(configuration: app.configuration)
        #expect(try await tool.revokeAll(user: "ann") == 1)
        try await tool.revokeEveryone()
        try await app.sessions.revokeEveryone()
        let events = try #require(try app.sessions.events(ofUser: "ann")).filter { $0.kind != "login" }
        #expect(
            events.map(\.explanation) == [
                "1 session ended by the application outside of a request", "1 session ended by the command-line tool",
                "the sessions of all users ended by the command-line tool", "the sessions of all users ended by the application",
            ]
        )
    }

    @Test("holds no name in the clear, and is for its owner only")
    func sealed() async throws {
        var (_, client) = try self.makeApp()
        _ = try await client.post("/login?user=annabella")
        let path = "\(self.directory.path)/events"
        let bytes = try Data(contentsOf: URL(filePath: path))
        #expect(bytes.range(of: Data("annabella".utf8)) == nil && bytes.count == 2048)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
    }

    @Test("reads what it has written, also texts that are long or hold separators")
    func coding() throws {
        let long = String(repeating: "ü", count: 200)
        let event = KeptEvent(
            time: Timestamp(secondsSinceEpoch: 7),
            kind: "login",
            reason: "",
            session: "0123",
            user: "a\u{1F}b",
            client: long,
            signals: "",
            count: 1
        )
        let read = try #require(KeptEvent(decoding: event.encoded))
        #expect(event.encoded.count <= 760 && read.user == "a?b" && read.time == event.time && read.session == "0123")
        #expect(KeptEvent(decoding: []) == nil && KeptEvent(decoding: Array("1".utf8)) == nil)
    }
}
