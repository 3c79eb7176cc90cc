import ParanoidFastCGI
import ParanoidFastCGITesting
import TestSupport
import Testing

@Suite("How long sessions last")
struct SessionLifetimeTests {
    private static let cart = SessionKey<String>("cart")

    private func makeApp(_ change: (inout GuardSettings) -> Void) throws -> SessionApplication {
        let made = try SessionApplication { configuration in
            configuration.sessions.guardSettings.lifetime = .seconds(1000)
            configuration.sessions.guardSettings.absoluteLifetime = .seconds(3000)
            configuration.sessions.guardSettings.anonymousAbsoluteLifetime = .seconds(5000)
            change(&configuration.sessions.guardSettings)
        }
        made.app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        made.app.post("/step-up") { request in
            try await request.session.stepUp(to: .secondFactor)
            return "up"
        }
        made.app.post("/cart") { request in
            try await request.session.set(Self.cart, to: "full")
            return "set"
        }
        made.app.get("/user") { request in try await request.session.user ?? "nobody" }
        made.app.get("/cart") { request in try await request.session.value(Self.cart) ?? "empty" }
        made.app.get("/left") { request in
            guard let left = try await request.session.timeLeft else { return "none" }
            return "\(left.idle.components.seconds) \(left.absolute.map { "\($0.components.seconds)" } ?? "-")"
        }
        return made
    }

    @Test("a session that is used all the time ends at its absolute end, a new login begins a new time, and so does a step-up")
    func absolute() async throws {
        let made = try self.makeApp { _ in }
        var client = made.client()
        _ = try await client.post("/login")
        for _ in 0..<5 {
            made.time.advance(by: .seconds(500))
            #expect(try await client.get("/user").text == "ann")
        }
        #expect(try await client.post("/step-up").text == "up")
        for _ in 0..<5 {
            made.time.advance(by: .seconds(500))
            #expect(try await client.get("/user").text == "ann")
        }
        made.time.advance(by: .seconds(499))
        #expect(try await client.get("/user").text == "ann")
        // The end is the server's: cookies that are kept do not help.
        var copy = client.thief()
        let before = copy.cookies
        made.time.advance(by: .seconds(1))
        #expect(try await client.get("/user").text == "nobody")
        #expect(try await copy.get("/user").text == "nobody")
        // What has ended by itself is no reason to delete a cookie: a later login may be in it by the time the answer arrives.
        #expect(copy.cookies == before)
        #expect(try await client.get("/user").text == "nobody")
        _ = try await client.post("/login")
        #expect(try await client.get("/user").text == "ann")
    }

    @Test("a session lasts as long as no pause reaches its time-out: each response to a request after a long pause renews the cookies")
    func pauses() async throws {
        let made = try self.makeApp { $0.absoluteLifetime = nil }
        var client = made.client()
        _ = try await client.post("/login")
        for _ in 0..<6 {
            made.time.advance(by: .seconds(900))
            let answer = try await client.get("/user")
            #expect(answer.text == "ann")
            #expect(answer.response.cookies.map(\.maxAge) == [.seconds(1000), .seconds(1000), .seconds(1000)])
        }
        made.time.advance(by: .seconds(1000))
        #expect(client.cookies.isEmpty)
    }

    @Test("a session that is only read does not time out, and the browser keeps its cookies as long", arguments: [true, false])
    func readOnly(hasNonces: Bool) async throws {
        let made = try self.makeApp { settings in
            settings.absoluteLifetime = nil
            // Rarer than the session times out: rotation follows the shorter of the two.
            settings.nonceTimeout = hasNonces ? .seconds(100_000) : nil
        }
        var client = made.client()
        let names = made.app.configuration.sessions.cookies
        _ = try await client.post("/login")
        var lastRenewal: [String: Timestamp] = [:]
        for name in client.cookies.keys { lastRenewal[name] = made.time.now }
        for _ in 0..<60 {
            made.time.advance(by: .seconds(90))
            let answer = try await client.get("/user")
            #expect(answer.text == "ann")
            for cookie in answer.response.cookies { lastRenewal[cookie.name] = made.time.now }
            // A browser that drops what has expired.
            for (name, renewed) in lastRenewal where renewed.duration(to: made.time.now) >= .seconds(1000) { client.cookies[name] = nil }
        }
        #expect(client.cookies[session: names.sessionCookie] != nil)
        made.time.advance(by: .seconds(1001))
        #expect(try await client.get("/user").text == "nobody")
    }

    @Test("reading a session within a tenth of its idle time writes nothing")
    func unchanged() async throws {
        let made = try self.makeApp { $0.nonceTimeout = nil }
        var client = made.client()
        _ = try await client.post("/cart")
        for _ in 0..<9 {
            made.time.advance(by: .seconds(11))
            #expect(try await client.get("/cart").response.cookies.isEmpty)
        }
        #expect(try await client.get("/left").text == "901 4901")
        made.time.advance(by: .seconds(1))
        #expect(try await !client.get("/cart").response.cookies.isEmpty)
        #expect(try await client.get("/left").text == "1000 4900")
    }

    @Test("the time left falls, and no cookie outlives the session")
    func timeLeft() async throws {
        let made = try self.makeApp { _ in }
        var client = made.client()
        #expect(try await client.get("/left").text == "none")
        _ = try await client.post("/login")
        #expect(try await client.get("/left").text == "1000 3000")
        made.time.advance(by: .seconds(50))
        #expect(try await client.get("/left").text == "950 2950")
        for _ in 0..<4 {
            made.time.advance(by: .seconds(600))
            for cookie in try await client.get("/user").response.cookies {
                let age = try #require(cookie.maxAge)
                #expect(age <= .seconds(1000))
                let left = try #require(try await client.get("/left").text.split(separator: " ").last.flatMap { Int($0) })
                #expect(age <= .seconds(left))
            }
        }
        #expect(try await client.get("/left").text == "550 550")
    }

    @Test("a clock that goes back prolongs no session beyond a new one, and ends none")
    func clockGoesBack() async throws {
        let made = try self.makeApp { _ in }
        var client = made.client()
        _ = try await client.post("/login")
        made.time.advance(by: .seconds(-500_000))
        #expect(try await client.get("/user").text == "ann")
        // What was stored by the clock that was ahead has been corrected.
        #expect(try await client.get("/left").text == "1000 3000")
        made.time.advance(by: .seconds(1001))
        #expect(try await client.get("/user").text == "nobody")
    }
}
