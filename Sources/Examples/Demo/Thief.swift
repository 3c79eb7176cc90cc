import ParanoidFastCGI
import ParanoidFastCGITesting

/// `POST /steal`: replays the visitor's cookies as a thief would, and tells how the guard answered.
///
/// The session cookies are kept from scripts, so it is the server that plays the thief, inside this process.
enum StealPage {
    static func register(on app: Application) {
        app.post("/steal") { request in
            guard try await request.session.guardVerdict == .accepted else {
                throw HTTPError(.conflict, message: "There is no session to steal yet; /session begins one.")
            }
            return try Response.json(await Thief(victim: request, app: app).playAll())
        }
    }
}

/// One way to use stolen cookies, and what the thief was told.
struct Theft: Encodable {
    var id: String
    var title: String
    /// What the thief pretends, for people.
    var story: String
    /// Which guard the attempt runs into, for people.
    var guardName: String
    /// Whether the visitor's own cookies were replayed; otherwise those of a stand-in that looks the same.
    var usesOwnCookies: Bool
    /// The status of the answer that the thief got.
    var status: Int
    /// The answer that the thief got, a report as JSON.
    var answer: String

    enum CodingKeys: String, CodingKey {
        case id, title, story, status, answer
        case guardName = "guard"
        case usesOwnCookies = "own"
    }
}

/// Plays thefts of a session against the guard.
///
/// The first one replays the visitor's own cookies, which costs the visitor nothing. Each of the others begins with a stand-in: a session that
/// logs in beside the visitor's, from the same address with the same browser.
struct Thief: Sendable {
    /// The client whose session is stolen.
    var victim: Request
    var app: Application

    /// All thefts, one after the other; takes a little longer than the delay bound, as one of them comes late.
    func playAll() async throws -> [Theft] {
        try await [
            self.otherBrowser(), self.otherDevice(), self.withoutSecondKey(), self.overPlainHTTP(), self.oldNonce(), self.inventedSession(),
            self.everything(),
        ]
    }

    private var cookieNames: SessionCookieConfiguration { self.app.configuration.sessions.cookies }
    private var settings: GuardSettings { self.app.configuration.sessions.guardSettings }

    /// The names of one of the session cookies, of all logins.
    private func names(_ cookie: (SessionCookieNames) -> String) -> [String] {
        self.cookieNames.names(ofProfile: self.settings.profile).map(cookie)
    }

    // MARK: Thefts

    private func otherBrowser() async throws -> Theft {
        var thief = TestClient(self.app, lookingLike: self.victim)
        thief.cookies = self.victim.cookieJar
        thief.address = Self.otherAddress
        thief.userAgent = Self.otherBrowserName
        return try await self.attempt(
            by: thief,
            id: "other-browser",
            title: "From somewhere else",
            story: "Your cookies, just as you sent them, from address \(Self.otherAddress) and another browser.",
            guardName: "client signals"
        )
    }

    private func otherDevice() async throws -> Theft {
        let owner = try await self.standIn()
        var thief = owner
        thief.userAgent = Self.otherBrowserName
        return try await self.attempt(
            by: thief,
            on: owner,
            id: "other-device",
            title: "From the next table",
            story: "All cookies, from your network, so with your address, but with the thief's own browser.",
            guardName: "client signals"
        )
    }

    private func withoutSecondKey() async throws -> Theft {
        let owner = try await self.standIn()
        var thief = owner
        thief.isSecure = true
        for name in self.names({ $0.second }) { thief.cookies[name] = nil }
        return try await self.attempt(
            by: thief,
            on: owner,
            id: "without-second-key",
            title: "Sniffed, then over HTTPS",
            story: "The cookies that can be overheard without TLS, used over HTTPS, where the second key is demanded too.",
            guardName: "second key"
        )
    }

    private func overPlainHTTP() async throws -> Theft {
        let owner = try await self.standIn()
        var thief = owner
        for name in self.names({ $0.second }) { thief.cookies[name] = nil }
        // A thief sends what a browser keeps back over plain HTTP.
        thief.parameters["HTTP_COOKIE"] = thief.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        thief.isSecure = false
        return try await self.attempt(
            by: thief,
            on: owner,
            id: "plain-http",
            title: "Sniffed, then over plain HTTP",
            story: "The same, over HTTP, where sessions do not exist.",
            guardName: "HTTPS only"
        )
    }

    private func oldNonce() async throws -> Theft {
        var owner = try await self.standIn()
        let thief = owner
        // The next nonce is given once the jar has settled. When the owner has shown it, the one before can be under way for as long as the
        // bound says.
        if !self.settings.profile.isCompatible { try await Self.pause(self.settings.delayBound * 2) }
        _ = try await owner.post("/rotate")
        _ = try await owner.get("/session/peek")
        try await Self.pause(self.settings.profile.isCompatible ? self.settings.nonceWindowTimeout : self.settings.delayBound)
        return try await self.attempt(
            by: thief,
            on: owner,
            id: "old-nonce",
            title: "Copied a moment ago",
            story: "Everything right: address, browser, all cookies. But the owner has moved on since they were copied. No single jar can "
                + "show both, so this is proof: the session waits for the owner's password, and an alarm is in the log.",
            guardName: "nonce"
        )
    }

    private func inventedSession() async throws -> Theft {
        let owner = try await self.standIn()
        var thief = owner
        for name in self.names({ $0.session }) { thief.cookies[name] = thief.cookies[name].map { String($0.reversed()) } }
        return try await self.attempt(
            by: thief,
            on: owner,
            id: "invented",
            title: "Planted beforehand",
            story: "An identifier that was never issued, as an attacker would plant it in a victim's browser before the login.",
            guardName: "unknown identifiers are not adopted"
        )
    }

    private func everything() async throws -> Theft {
        let owner = try await self.standIn()
        return try await self.attempt(
            by: owner,
            on: owner,
            id: "everything",
            title: "Everything, at once",
            story: "All cookies, your address, your browser, within the same second. At this moment nothing tells the two apart; when the "
                + "nonce moves on, each gets one of its own, and whoever shows what one jar cannot have is found out.",
            guardName: "none yet"
        )
    }

    // MARK: Playing

    private static let otherAddress = "203.0.113.66"
    private static let otherBrowserName = "Thief/1.0"

    /// A session of the visitor's double, logged in a moment ago.
    private func standIn() async throws -> TestClient {
        var client = TestClient(self.app, lookingLike: self.victim)
        let answer = try await client.post("/login", form: ["user": "stand-in"])
        guard answer.status == 200 else { throw HTTPError(.serviceUnavailable) }
        return client
    }

    /// Lets the thief look at the session, and ends it afterwards if it is a stand-in's.
    private func attempt(
        by thief: TestClient,
        on owner: TestClient? = nil,
        id: String,
        title: String,
        story: String,
        guardName: String
    ) async throws -> Theft {
        var thief = thief
        let answer = try await thief.get("/session/peek")
        if var owner { _ = try await owner.post("/logout") }
        return Theft(
            id: id,
            title: title,
            story: story,
            guardName: guardName,
            usesOwnCookies: owner == nil,
            status: answer.status,
            answer: answer.text
        )
    }

    /// Waits a little longer than a time-out of the guard, but never long: with long time-outs the thief simply gets in.
    private static func pause(_ timeout: Duration?) async throws {
        guard let timeout else { return }
        try await Task.sleep(for: min(timeout, .seconds(5)) + .milliseconds(100))
    }
}

extension TestClient {
    /// A client that looks to the server exactly as the one that has sent a request; its jar is empty.
    fileprivate init(_ app: Application, lookingLike request: Request) {
        var parameters: [String: String] = [:]
        request.parameters.forEach { name, value in parameters[name.text] = value.text }
        // These describe the one request that is copied, not the client.
        let ofThisRequest = [
            "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
            "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_COOKIE", "REQUEST_BEGAN", "REQUEST_TAKEN",
        ]
        for name in ofThisRequest { parameters[name] = nil }
        self.init(app)
        self.parameters = parameters
    }
}

extension Request {
    /// The cookies that a request presents.
    fileprivate var cookieJar: [String: String] {
        var jar: [String: String] = [:]
        for cookie in self.cookies.all { jar[String(decoding: cookie.name, as: UTF8.self)] = String(decoding: cookie.value, as: UTF8.self) }
        return jar
    }
}

extension RawSpan {
    /// The bytes as text; what is not UTF-8 is replaced.
    fileprivate var text: String {
        unsafe self.withUnsafeBytes { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
    }
}
