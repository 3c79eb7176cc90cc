import ParanoidFastCGI
import ParanoidFastCGITesting
import Synchronization
import TestSupport
import Testing

@Suite("A client that changes")
struct SignalTests {
    private static let hits = SessionKey<Int>("hits")
    private static let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    /// What the application was told.
    final class Events: Sendable {
        private let kept = Mutex<[SessionEvent]>([])
        func add(_ event: SessionEvent) { self.kept.withLock { $0.append(event) } }
        var all: [SessionEvent] { self.kept.withLock { $0 } }
        var kinds: [SessionEvent.Kind] { self.all.map(\.kind) }
    }

    private let directory: TemporaryDirectory
    private let clock = ManualClock()
    private let events = Events()

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func makeApp(_ change: (inout SessionSettings) -> Void = { _ in }) throws -> Application {
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.sessions.onEvent = { [events] in events.add($0) }
        change(&configuration.sessions)
        let app = try Application(
            configuration: configuration,
            logger: .silent,
            clock: self.clock
        )
        app.get("/hit") { request in
            let count = try await request.session.update(Self.hits, default: 0) { hits in
                hits += 1
                return hits
            }
            return "\(count)"
        }
        app.get("/peek") { request in
            let session = request.session
            return "\(try await session.value(Self.hits) ?? 0) \(try await session.guardVerdict.rawValue)"
        }
        app.get("/challenge") { request in
            guard let challenge = try await request.session.challenge else { return "none" }
            return "\(challenge.reason.rawValue) \(challenge.user ?? "nobody") \(challenge.signals.joined(separator: ","))"
        }
        app.post("/login") { request in
            try await request.session.logIn(as: String(decoding: try await request.body.collect(), as: UTF8.self))
            return "in"
        }
        app.post("/password") { request in
            try await request.session.completeChallenge()
            return "released"
        }
        app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        return app
    }

    private func browser(_ app: Application) -> TestClient { TestClient(app, agent: Self.firefox) }

    @Test("keeps its session through updates of the browser and within its network")
    func nothingToSee() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.get("/hit")
        ann.userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0"
        ann.address = "192.0.2.200"
        #expect(try await ann.get("/peek").text == "1 accepted")
        #expect(self.events.kinds == [.created])
    }

    @Test("gets new secrets in another network, once they can do no harm, and is not asked again at home")
    func roaming() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.get("/hit")
        let home = ann.cookies[session: "__Host-sessionid"]
        ann.address = "198.51.100.9"
        #expect(try await ann.get("/peek").text == "1 accepted")
        // Told at once, and once.
        #expect(self.events.kinds == [.created, .changed])
        #expect(self.events.all.last?.signals == ["address"])
        self.clock.advance(by: .seconds(30))
        #expect(try await ann.get("/peek").text == "1 accepted")
        let away = ann.cookies[session: "__Host-sessionid"]
        #expect(away != home)
        #expect(self.events.kinds == [.created, .changed, .rotated])
        ann.address = "192.0.2.1"
        self.clock.advance(by: .seconds(30))
        #expect(try await ann.get("/peek").text == "1 accepted")
        self.clock.advance(by: .seconds(30))
        #expect(try await ann.get("/peek").text == "1 accepted")
        #expect(ann.cookies[session: "__Host-sessionid"] == away)
        #expect(self.events.kinds.count == 3)
    }

    @Test("finds its session withheld in another browser, and gets it by proving who it is; whoever has the old secrets is out")
    func challenge() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.post("/login", .bytes("ann".utf8))
        _ = try await ann.get("/hit")
        var thief = ann
        thief.userAgent = "curl/8"
        #expect(try await thief.get("/peek").text == "0 challenged")
        #expect(try await thief.get("/challenge").text == "signals ann agent")
        #expect(try await ann.get("/peek").text == "1 accepted")
        var moved = ann
        moved.userAgent = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"
        #expect(try await moved.post("/login", .bytes("ann".utf8)).text == "in")
        #expect(try await moved.get("/peek").text == "1 accepted")
        #expect(try await ann.get("/peek").text.hasPrefix("0"))
        #expect(self.events.kinds.contains(.released))
    }

    @Test("does not get somebody else's withheld session by logging in as itself")
    func otherUser() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.post("/login", .bytes("ann".utf8))
        _ = try await ann.get("/hit")
        var thief = ann
        thief.userAgent = "curl/8"
        _ = try await thief.post("/login", .bytes("mallory".utf8))
        #expect(try await thief.get("/peek").text == "0 accepted")
        #expect(try await ann.get("/peek").text == "1 accepted")
    }

    @Test("is asked by the application when that has something to say")
    func closure() async throws {
        var ann = self.browser(
            try self.makeApp { $0.onChallenge = { _, challenge in challenge.signals == ["agent"] ? .release : .withhold } }
        )
        _ = try await ann.get("/hit")
        let before = ann.cookies[session: "__Host-sessionid"]
        ann.userAgent = "curl/8"
        #expect(try await ann.get("/peek").text == "1 accepted")
        #expect(ann.cookies[session: "__Host-sessionid"] != before)
    }

    @Test("can be looked at in hooks through its request's session, which says there what is known so far and cannot be changed")
    func hooks() async throws {
        let seen = Mutex<[String]>([])
        @Sendable func note(_ hook: String, _ request: Request) async {
            let session = request.session
            let verdict = try? await session.guardVerdict
            let withheld = try? await session.challenge
            let user = (try? await session.user) ?? nil
            var refusal = "changed"
            do { try await session.set(Self.hits, to: 1) } catch { refusal = "\(error as? SessionError == .insideHook)" }
            seen.withLock { $0.append("\(hook) \(verdict?.rawValue ?? "-") \(withheld?.user ?? "-") \(user ?? "-") \(refusal)") }
        }
        var ann = self.browser(
            try self.makeApp {
                $0.onChallenge = { request, _ in
                    await note("challenge", request)
                    return .withhold
                }
                $0.checks = { request in
                    let isThere = (request.session as Session?) != nil
                    seen.withLock { $0.append("checks \(isThere)") }
                    return true
                }
                $0.onRejection = { request, reason in
                    let isThere = (request.session as Session?) != nil
                    seen.withLock { $0.append("rejection \(isThere) \(reason)") }
                }
            }
        )
        _ = try await ann.post("/login", .bytes("ann".utf8))
        seen.withLock { $0 = [] }
        var thief = ann
        thief.userAgent = "curl/8"
        #expect(try await thief.get("/peek").text == "0 challenged")
        #expect(seen.withLock { $0 } == ["checks true", "challenge challenged ann - true"])
        seen.withLock { $0 = [] }
        thief.cookies[session: "__Host-sessionnonce"] = nil
        #expect(try await thief.get("/peek").text == "0 rejected")
        #expect(seen.withLock { $0 } == ["checks true", "rejection true nonce"])
    }

    @Test("loses its session where the rules say so, but not to somebody who lacks its secrets")
    func end() async throws {
        var ann = self.browser(try self.makeApp { $0.signals = [SignalRule(SignalRule.agent, .end)] })
        _ = try await ann.get("/hit")
        var prober = ann
        prober.userAgent = "curl/8"
        prober.cookies[session: "__Host-sessionnonce"] = nil
        #expect(try await prober.get("/peek").text == "0 rejected")
        #expect(try await ann.get("/peek").text == "1 accepted")
        var thief = ann
        thief.userAgent = "curl/8"
        #expect(try await thief.get("/peek").text == "0 rejected")
        #expect(try await ann.get("/peek").text.hasPrefix("0"))
    }

    @Test("is only noted where the rules say so, once for each value", arguments: ["language", "hints", "SSL_CIPHER"])
    func log(_ name: String) async throws {
        let parameter = ["language": "HTTP_ACCEPT_LANGUAGE", "hints": "HTTP_SEC_CH_UA_PLATFORM"][name] ?? name
        var ann = self.browser(try self.makeApp { $0.signals = [SignalRule(name, .log)] })
        ann.parameters[parameter] = "one"
        _ = try await ann.get("/hit")
        for value in ["two", "one", "two", "two"] {
            ann.parameters[parameter] = value
            #expect(try await ann.get("/peek").text == "1 accepted")
        }
        ann.parameters[parameter] = nil
        #expect(try await ann.get("/peek").text == "1 accepted")
        #expect(self.events.kinds == [.created, .changed, .changed])
    }

    @Test("waits with the thief, where proof of a copied jar is a challenge, until a password is given")
    func suspension() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.post("/login", .bytes("ann".utf8))
        _ = try await ann.get("/hit")
        var thief = ann
        self.clock.advance(by: .seconds(13))
        _ = try await ann.post("/rotate")
        _ = try await ann.get("/hit")
        self.clock.advance(by: .seconds(60))
        #expect(try await thief.get("/peek").text == "0 challenged")
        #expect(try await thief.get("/challenge").text.hasPrefix("reuse ann"))
        #expect(try await ann.get("/peek").text == "0 challenged")
        #expect(try await ann.post("/password").text == "released")
        #expect(try await ann.get("/peek").text == "2 accepted")
        #expect(try await thief.get("/peek").text.hasPrefix("0"))
        #expect(self.events.kinds.contains(.reuse))
    }

    @Test("is where a trusted proxy says, and nowhere else")
    func proxies() async throws {
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.trustedProxies = ["192.0.2.0/24"]
        let app = try Application(configuration: configuration, logger: .silent)
        app.get("/address") { $0.clientAddress }
        var ann = self.browser(app)
        ann.parameters["HTTP_X_FORWARDED_FOR"] = "6.6.6.6, 203.0.113.7, 192.0.2.9"
        #expect(try await ann.get("/address").text == "203.0.113.7")
        ann.address = "198.51.100.1"
        #expect(try await ann.get("/address").text == "198.51.100.1")
    }

    @Test("has no session over plain HTTP, whatever it shows, and none can be written there")
    func plainHTTP() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.get("/hit")
        var plain = ann.thief()
        plain.isSecure = false
        #expect(try await plain.get("/peek").text == "0 rejected")
        let refused = try await plain.get("/hit")
        #expect(refused.status == 403 && refused.text.hasPrefix("This request needs HTTPS."))
        #expect(plain.cookies == ann.cookies)
        plain.cookies = [:]
        #expect(try await plain.get("/peek").text == "0 none")
        #expect(try await ann.get("/peek").text == "1 accepted")
    }

    @Test(
        "gets no new secrets with an answer that may never be shown",
        arguments: [
            (["HTTP_SEC_PURPOSE": "prefetch;prerender", "HTTP_SEC_FETCH_MODE": "navigate"], false), (["HTTP_PURPOSE": "prefetch"], false),
            (["HTTP_SEC_FETCH_MODE": "no-cors", "HTTP_SEC_FETCH_DEST": "image"], false),
            (["HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty", "HTTP_SEC_FETCH_SITE": "cross-site"], false),
            (["HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty", "HTTP_SEC_FETCH_SITE": "same-origin"], true),
            (["HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"], true), ([:], true),
        ] as [([String: String], Bool)]
    )
    func occasions(_ parameters: [String: String], _ rotates: Bool) async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.get("/hit")
        let before = ann.cookies[session: "__Host-sessionnonce"]
        self.clock.advance(by: .seconds(60))
        ann.parameters.merge(parameters) { $1 }
        #expect(try await ann.get("/peek").text == "1 accepted")
        #expect((ann.cookies[session: "__Host-sessionnonce"] != before) == rotates)
    }

    @Test("raises an alarm when many identifiers that name nothing come from its network")
    func guessing() async throws {
        let app = try self.makeApp()
        for number in 0..<250 {
            var guesser = self.browser(app)
            guesser.address = "192.0.2.\(number % 250)"
            var generator = SystemRandomNumberGenerator()
            let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
            let text = "AQ" + String((0..<42).map { _ in letters.randomElement(using: &generator) ?? "A" })
            guesser.cookies[session: "__Host-sessionid"] = text
            _ = try await guesser.get("/peek")
        }
        let alarms = self.events.all.filter { $0.kind == .guessing }
        #expect(alarms.map(\.count) == [100, 200])
        #expect(alarms.allSatisfy { $0.isAlarm })
    }

    @Test("makes cookies that are small together")
    func size() async throws {
        var ann = self.browser(try self.makeApp())
        _ = try await ann.post("/login", .bytes("ann".utf8))
        #expect(ann.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ").utf8.count < 512)
    }
}
