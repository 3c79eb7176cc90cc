import InMemoryLogging
import ParanoidFastCGI
import ParanoidFastCGITesting
import Synchronization
import TestSupport
import Testing

@Suite("Events of sessions")
struct SessionEventTests {
    /// What the application was told.
    private final class Record: Sendable {
        private let state = Mutex<[SessionEvent]>([])
        func add(_ event: SessionEvent) { self.state.withLock { $0.append(event) } }
        var events: [SessionEvent] { self.state.withLock { $0 } }
        var kinds: [SessionEvent.Kind] { self.events.map(\.kind) }
    }

    private let directory: TemporaryDirectory
    private let clock = ManualClock()
    private let record = Record()
    private let log = InMemoryLogHandler()
    private let app: Application

    init() throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.sessionsPerUser = 2
        configuration.sessionsPerUserPolicy = .refuse
        configuration.sessions.onEvent = { [record] in record.add($0) }
        var handler = self.log
        handler.logLevel = .trace
        self.app = try Application(
            configuration: configuration,
            logger: Logger(label: "test") { [handler] _ in handler },
            clock: self.clock
        )
        self.app.post("/login") { request in
            try await request.session.logIn(as: "ann@example.org")
            return "in"
        }
        self.app.get("/user") { request in try await request.session.user ?? "nobody" }
        self.app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        self.app.post("/revoke-others") { request in "\(try await request.session.revokeOthers())" }
        self.app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
    }

    private func browser() -> TestClient {
        var browser = TestClient(self.app, agent: "Mozilla/5.0 Firefox/140.0")
        browser.address = "192.0.2.77"
        return browser
    }

    @Test("tell the whole life of a session, count it, and log it without a secret or a name")
    func life() async throws {
        var ann = self.browser()
        var secrets: Set<String> = []
        func note(_ browser: TestClient) { secrets.formUnion(browser.cookies.values) }
        _ = try await ann.post("/login")
        note(ann)
        var second = self.browser()
        _ = try await second.post("/login")
        note(second)
        var third = self.browser()
        #expect(try await third.post("/login").status == 403)
        #expect(try await ann.post("/revoke-others").text == "1")
        _ = try await ann.post("/rotate")
        note(ann)
        var prober = ann
        prober.cookies[session: "__Host-sessionnonce"] = nil
        _ = try await prober.get("/user")
        let copy = ann
        _ = try await ann.post("/logout")
        var late = copy
        _ = try await late.get("/user")

        #expect(self.record.kinds == [.created, .login, .created, .login, .limit, .revoked, .rotated, .refused, .logout])
        for kind in SessionEvent.Kind.allCases {
            #expect(try self.app.sessions.count(of: kind) == self.record.kinds.count { $0 == kind }, "\(kind)")
        }
        let refused = self.record.events.first { $0.kind == .refused }
        #expect(refused?.reason == .nonce && refused?.client == "192.0.2.77")
        #expect(self.record.events.first { $0.kind == .login }?.user == "ann@example.org")
        #expect(self.record.events.first { $0.kind == .revoked }?.count == 1)
        // One handle for each session, whatever its identifier is.
        let tags = Set(self.record.events.compactMap(\.handle))
        #expect(tags.count == 2 && tags.allSatisfy { $0.description.utf8.count == 16 })

        #expect(secrets.count >= 6)
        let log = self.log.entries.map { "\($0.message) \($0.metadata)" }.joined(separator: "\n")
        let handle = try #require(refused?.handle)
        #expect(log.contains("session.event") && log.contains(handle.description))
        for text in secrets.union(["ann@example.org", "192.0.2.77", "Firefox"]) { #expect(!log.contains(text)) }
        #expect(!"\(self.record.events)".contains("ann@"))
    }

    @Test("tell of a session whose time is over, and of none that never was")
    func expiry() async throws {
        var ann = self.browser().thief()
        _ = try await ann.post("/login")
        self.clock.advance(by: .seconds(400 * 86_400))
        #expect(try await ann.get("/user").text == "nobody")
        #expect(self.record.kinds == [.created, .login, .expired])
        var stranger = self.browser()
        stranger.cookies[session: "__Host-sessionid"] = String(repeating: "A", count: 44)
        #expect(try await stranger.get("/user").text == "nobody")
        #expect(self.record.kinds.count == 3)
    }

    @Test("tell of a copied jar as an alarm")
    func reuse() async throws {
        var ann = self.browser()
        _ = try await ann.post("/login")
        var thief = ann
        self.clock.advance(by: .seconds(13))
        _ = try await ann.post("/rotate")
        _ = try await ann.get("/user")
        self.clock.advance(by: .seconds(60))
        #expect(try await thief.get("/user").text == "nobody")
        #expect(try await ann.get("/user").text == "nobody")
        let alarm = self.record.events.first { $0.isAlarm }
        #expect(alarm?.kind == .reuse && alarm?.user == "ann@example.org")
    }
}
