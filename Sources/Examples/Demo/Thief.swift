import ParanoidFastCGI

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

    // MARK: Thefts

    private func otherBrowser() async throws -> Theft {
        var thief = PretendedClient(lookingLike: self.victim)
        thief.jar = CookieJar(copyingFrom: self.victim)
        thief["REMOTE_ADDR"] = Self.otherAddress
        thief["HTTP_USER_AGENT"] = Self.otherBrowserName
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
        thief["HTTP_USER_AGENT"] = Self.otherBrowserName
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
        thief["HTTPS"] = "on"
        thief.jar[self.cookieNames.secondCookie] = nil
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
        thief["HTTPS"] = nil
        thief.jar[self.cookieNames.secondCookie] = nil
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
        // The owner gets the next nonce and shows it; from then on the one before can be under way for as long as the bound says.
        _ = try await owner.send(.post, "/rotate", through: self.app)
        _ = try await owner.send(.get, "/session/peek", through: self.app)
        try await Self.pause(self.settings.profile.isCompatible ? self.settings.nonceWindowTimeout : self.settings.delayBound)
        return try await self.attempt(
            by: thief,
            on: owner,
            id: "old-nonce",
            title: "Copied a moment ago",
            story: "Everything right: address, browser, all cookies. But the owner has moved on since they were copied. No single jar can "
                + "show both, so this is proof: the session ends for both, and an alarm is in the log.",
            guardName: "nonce"
        )
    }

    private func inventedSession() async throws -> Theft {
        let owner = try await self.standIn()
        var thief = owner
        let presented = thief.jar[self.cookieNames.sessionCookie] ?? ""
        thief.jar[self.cookieNames.sessionCookie] = String(presented.reversed())
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
    private func standIn() async throws -> PretendedClient {
        var client = PretendedClient(lookingLike: self.victim)
        let answer = try await client.send(.post, "/login", form: "user=stand-in", through: self.app)
        guard answer.status == 200 else { throw HTTPError.serviceUnavailable }
        return client
    }

    /// Lets the thief look at the session, and ends it afterwards if it is a stand-in's.
    private func attempt(
        by thief: PretendedClient,
        on owner: PretendedClient? = nil,
        id: String,
        title: String,
        story: String,
        guardName: String
    ) async throws -> Theft {
        var thief = thief
        let answer = try await thief.send(.get, "/session/peek", through: self.app)
        if var owner { _ = try await owner.send(.post, "/logout", through: self.app) }
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
