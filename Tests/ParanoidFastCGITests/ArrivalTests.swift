import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@Suite("A request that is under way for long")
struct ArrivalTests {
    private static let hits = SessionKey<Int>("hits")

    /// An application whose owner is logged in, and whose jar has settled.
    private struct Scene {
        let made: SessionApplication
        let barrier = Barrier()
        var ann: TestClient

        init() async throws {
            self.made = try SessionApplication()
            let app = self.made.app
            app.post("/login") { request in
                try await request.session.logIn(as: "ann")
                return "in"
            }
            app.get("/user") { request in
                try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue)"
            }
            app.post("/rotate") { request in
                try await request.session.rotate()
                return "rotated"
            }
            app.post("/late") { [barrier] request in
                await barrier.wait()
                return try await request.session.user ?? "nobody"
            }
            app.post("/late-write") { [barrier] request in
                await barrier.wait()
                let count = try await request.session.update(ArrivalTests.hits, default: 0) { hits in
                    hits += 1
                    return hits
                }
                return "\(count)"
            }
            app.post("/early") { [barrier] request in
                let user = try await request.session.user ?? "nobody"
                await barrier.wait()
                return user
            }
            self.ann = TestClient(app, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            _ = try await self.ann.post("/login")
            self.made.time.advance(by: .seconds(13))
        }
    }

    @Test(
        "is served however long its handler takes, before or after it asks for its session, and costs nobody the session",
        arguments: ["/late", "/late-write", "/early"],
        [1, 5, 7, 12, 20, 60]
    )
    func slow(_ path: String, _ seconds: Int) async throws {
        var scene = try await Scene()
        var sent = scene.ann
        async let slow = { () async throws -> String in try await sent.post(path).text }()
        await scene.barrier.arrival()
        for _ in 0..<seconds {
            scene.made.time.advance(by: .seconds(1))
            #expect(try await scene.ann.get("/user").text == "ann accepted")
        }
        scene.barrier.open()
        #expect(try await slow == (path == "/late-write" ? "1" : "ann"))
        scene.made.time.advance(by: .seconds(1))
        #expect(try await scene.ann.get("/user").text == "ann accepted")
        #expect(try scene.made.app.sessions.count(of: .reuse) == 0)
    }

    @Test("answered after `rotate()` brings an older value back, and costs nobody the session")
    func rotate() async throws {
        var scene = try await Scene()
        scene.made.time.advance(by: .seconds(60))
        // Two tabs ask; the one answer takes five seconds.
        var other = scene.ann
        _ = try await other.get("/user")
        _ = try await scene.ann.get("/user")
        scene.made.time.advance(by: .milliseconds(100))
        _ = try await scene.ann.get("/user")
        _ = try await scene.ann.post("/rotate")
        scene.made.time.advance(by: .milliseconds(100))
        #expect(try await scene.ann.get("/user").text == "ann accepted")
        scene.made.time.advance(by: .milliseconds(4700))
        for (name, value) in other.cookies { scene.ann.cookies[name] = value }
        #expect(try await scene.ann.get("/user").text == "ann accepted")
        for _ in 0..<10 {
            scene.made.time.advance(by: .seconds(3))
            #expect(try await scene.ann.get("/user").text == "ann accepted")
        }
    }

    @Test("may be one of a burst each of whose answers gives a value and sets off one more request", arguments: [8, 17, 40, 128])
    func burst(_ count: Int) async throws {
        var scene = try await Scene()
        scene.made.time.advance(by: .seconds(60))
        var tabs = Array(repeating: scene.ann, count: count)
        for index in tabs.indices {
            _ = try await tabs[index].get("/user")
            scene.made.time.advance(by: .milliseconds(2))
        }
        for tab in tabs {
            for (name, value) in tab.cookies { scene.ann.cookies[name] = value }
            #expect(try await scene.ann.get("/user").text == "ann accepted")
            scene.made.time.advance(by: .milliseconds(5))
        }
        for _ in 0..<10 {
            scene.made.time.advance(by: .seconds(3))
            #expect(try await scene.ann.get("/user").text == "ann accepted")
        }
    }

    @Test("of a thief who stays in step with the owner is out, or found, soon", arguments: [5, 10, 15, 30])
    func inStep(_ period: Int) async throws {
        var scene = try await Scene()
        let app = scene.made.app
        func isFound() throws -> Bool { try app.sessions.count(of: .reuse) > 0 }
        var thief = scene.ann
        var next = thief.cookies
        var isWatching = true
        var wasGiven = false
        var isOut = false
        // In half seconds.
        var now = 0
        var thiefAt = 2
        var until = 0
        var nextMove = 0
        var lastServed = 0
        while now < 2 * 3600, try !isFound() {
            if now > 0, now % (2 * period) == 0 { _ = try await scene.ann.get("/user") }
            if now == thiefAt, !isOut {
                var probe = thief
                isOut = try await probe.get("/user").text != "ann accepted"
                if !isOut { lastServed = now / 2 }
                let isGiven = probe.cookies != thief.cookies
                if isGiven { next = probe.cookies }
                wasGiven = wasGiven || isGiven
                if isWatching && (isGiven || !wasGiven) || (!isWatching && now + 1 < until) {
                    thiefAt = now + 1
                } else {
                    // Shows the next value just before the owner's next move, and works on until the old one would be proof.
                    let moved = isWatching ? now / (2 * period) * (2 * period) : nextMove
                    isWatching = false
                    thief.cookies = next
                    let due = moved + (25 + 2 * period - 1) / (2 * period) * (2 * period)
                    nextMove = due + 2 * period
                    until = nextMove + 9
                    thiefAt = due + period
                }
            }
            scene.made.time.advance(by: .milliseconds(500))
            now += 1
        }
        #expect(lastServed < max(60, 4 * period) + 60)
        #expect(now / 2 < 300)
    }

    @Test(
        "arrived when the web server says that it began",
        arguments: [
            ("1700000012.250", "2.125", 1_700_000_010_125), ("1700000012.000", "0.000", 1_700_000_012_000), ("1700000012", "0.000", nil),
            ("1700000012.25", "0.000", nil), ("1700000012.250", "-1.000", nil), ("x700000012.250", "0.000", nil), (nil, "0.000", nil),
            ("1700000012.250", nil, nil), ("1700000012.250", "", nil), ("", "", nil), ("1700000012,250", "0.000", nil),
            ("1.700000012e9", "0.000", nil), (" 1700000012.250", "0.000", nil), ("+700000012.250", "0.000", nil),
            ("1700000012.2500", "0.000", nil), ("1700000012.250", "0", nil), ("17:0000012.250", "0.000", nil),
            // Longer than its own beginning, and times that no clock shows.
            ("1700000012.250", "1700000012.251", nil), ("1700000012.250", "1700000012.250", 0), ("00000000000.000", "0.000", 0),
            ("99999999999.999", "0.000", nil), ("99999999999.999", "99999999999.999", 0), ("1700000012.250", "99999999999.999", nil),
            ("0.000", "99999999999.999", nil), ("9223372036.854", "0.000", 9_223_372_036_854), ("9223372037.000", "0.000", nil),
        ] as [(String?, String?, Int64?)]
    )
    func parameters(_ began: String?, _ taken: String?, _ milliseconds: Int64?) {
        var parameters = InMemoryParameters()
        for (name, value) in [("REQUEST_BEGAN", began), ("REQUEST_TAKEN", taken)] {
            if let value { parameters.append(name: Array(name.utf8), value: Array(value.utf8)) }
        }
        let logger = Logger.silent
        let request = Request(method: .get, rawPath: "/", parameters: parameters, headerFields: { HTTPFields() }, logger: logger)
        #expect(RequestArrival.nanosecondsSinceEpoch(of: request) == milliseconds.map { $0 * 1_000_000 })
    }
}

/// A clock that the test moves, for requests that say themselves how long ago they arrived.
final class LateClock: RequestClock, SessionClock {
    private let manual = ManualClock()

    var now: Timestamp { self.manual.now }

    func advance(by seconds: Int) { self.manual.advance(by: .seconds(seconds)) }

    func arrival(of request: Request, seenAt: Timestamp) -> Timestamp {
        let age = request.parameters.bytes(of: "TEST_AGE").flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        return seenAt.advanced(by: .seconds(-age))
    }

    func completion(of request: Request) -> Timestamp { self.now }
}

@Suite("A request that arrived longer ago than is believed")
struct ArrivalBoundTests {
    private let clock = LateClock()
    private let app: Application

    init() throws {
        self.app = try Application(configuration: .testing(), logger: .silent, clock: self.clock)
        self.app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        self.app.get("/user") { request in
            try await "\(request.session.user ?? "nobody") \(request.session.guardVerdict.rawValue)"
        }
    }

    private func owner() async throws -> TestClient {
        var ann = TestClient(self.app, agent: "A")
        _ = try await ann.post("/login")
        self.clock.advance(by: 20)
        return ann
    }

    @Test("is served and given nothing new; one within the bound, and one from the future, are given what is due")
    func served() async throws {
        for (age, isGiven) in [(121, false), (100_000, false), (119, true), (0, true), (-50, true)] {
            var ann = try await self.owner()
            self.clock.advance(by: 400)
            ann.parameters["TEST_AGE"] = "\(age)"
            let before = ann.cookies
            #expect(try await ann.get("/user").text == "ann accepted")
            #expect((ann.cookies != before) == isGiven, "\(age) s")
        }
    }

    @Test("proves nothing, and finds no session; one within the bound is proof")
    func proves() async throws {
        for (age, verdict) in [(121, "rejected"), (100_000, "rejected"), (119, "challenged"), (0, "challenged")] {
            var ann = try await self.owner()
            var copy = ann
            // Shows what it is given, so that the copy is of a value that the jar has left.
            for _ in 0..<3 {
                _ = try await ann.get("/user")
                self.clock.advance(by: 13)
            }
            self.clock.advance(by: 400)
            copy.parameters["TEST_AGE"] = "\(age)"
            #expect(try await copy.get("/user").text == "nobody \(verdict)")
            #expect(try await ann.get("/user").text == (verdict == "rejected" ? "ann accepted" : "nobody challenged"))
        }
    }
}
