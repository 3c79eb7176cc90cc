import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("The life of a session")
    struct SessionLife {
        @Test("begins with the first write, counts, and is the same for all workers", .timeLimit(.minutes(5)))
        func counting() async throws {
            try await TestApplication.with(workers: 3) { app in
                let jar = try app.jar()
                let peek = try await app.get("/session/peek", jar: jar)
                #expect(try peek.report() == SessionAnswer(verdict: "none", reason: nil, hits: 0, user: nil, fresh: false))
                #expect(peek.text.contains("\"reason\":null") && peek.text.contains("\"user\":null"))
                #expect(peek.values("set-cookie").isEmpty)

                let first = try await app.get("/session", jar: jar)
                let begun = try first.report()
                #expect(begun.verdict == "new" && begun.hits == 1 && begun.fresh)
                for cookie in first.values("set-cookie") {
                    #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"))
                }
                #expect(Set(jar.cookies.keys) == ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"])
                for expected in 2...20 {
                    let report = try await app.get("/session", jar: jar).report()
                    #expect(report.verdict == "accepted" && report.hits == expected && !report.fresh)
                }
                #expect(try await app.get("/session/peek", jar: jar).report().hits == 20)
            }
        }

        @Test("keeps values", .timeLimit(.minutes(5)))
        func values() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                #expect(try await app.post("/session/values", jar: jar, form: ["key": "a", "value": "1"]).status == 200)
                #expect(try await app.post("/session/values", jar: jar, form: ["key": "ü", "value": "zwei & <drei>"]).status == 200)
                let values = try await app.get("/session/values", jar: jar).json([String: String].self)
                #expect(values == ["a": "1", "ü": "zwei & <drei>"])
                #expect(try await app.post("/session/values", jar: jar, form: ["key": "a"]).status == 400)
                #expect(try await app.post("/session/values", jar: jar, form: ["key": "", "value": "x"]).status == 400)
            }
        }

        @Test("changes the identifier at login and keeps what was stored", .timeLimit(.minutes(5)))
        func login() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let before = jar.cookies
                let old = try jar.copied(in: app.folder)

                #expect(try await app.post("/login", jar: jar, form: ["user": "alice"]).report().user == "alice")
                let after = jar.cookies
                #expect(before[session: "__Host-sessionid"] != after[session: "__Host-sessionid"])
                #expect(before[session: "__Host-sessionid_https"] != after[session: "__Host-sessionid_https"])
                let report = try await app.get("/session", jar: jar).report()
                #expect(report.verdict == "accepted" && report.user == "alice" && report.hits == 2)

                // Whoever planted or copied the identifier before the login has nothing.
                let fixed = try await app.get("/session/peek", jar: old).report()
                #expect(fixed.verdict != "accepted" && fixed.user == nil && fixed.hits == 0)
                #expect(try await app.post("/login", jar: jar, form: ["user": ""]).status == 400)
            }
        }

        @Test("ends at logout, also for those who kept the cookies", .timeLimit(.minutes(5)))
        func logout() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.post("/login", jar: jar, form: ["user": "alice"])
                let kept = try jar.copied(in: app.folder)
                let answer = try await app.post("/logout", jar: jar)
                #expect(answer.status == 200)
                // Not looked up in the jar: curl reads its file again before it writes it, which brings deleted cookies back.
                for name in ["__Host-sessionid-1", "__Host-sessionnonce-1", "__Host-sessionid_https-1"] {
                    #expect(answer.values("set-cookie").contains { $0.hasPrefix("\(name)=;") && $0.contains("Max-Age=0") })
                }
                for jar in [jar, kept] {
                    let report = try await app.get("/session/peek", jar: jar).report()
                    #expect(report.verdict != "accepted" && report.user == nil && report.hits == 0)
                }
            }
        }

        @Test("gets a new identifier on request, and the old one is gone", .timeLimit(.minutes(5)))
        func rotation() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let old = jar.cookies[session: "__Host-sessionid"]
                #expect(try await app.post("/rotate", jar: jar).status == 200)
                #expect(jar.cookies[session: "__Host-sessionid"] != old)
                #expect(try await app.get("/session", jar: jar).report().hits == 2)
            }
        }

        @Test("is not checked under a filtered prefix", .timeLimit(.minutes(5)))
        func filter() async throws {
            try await TestApplication.with(settings: ["PSESSION_FILTER_PREFIXES": "/safe"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let report = try await app.get("/safe", jar: jar, "-A", "another browser").report()
                #expect(report.verdict == "unchecked" && report.hits == 2)
                #expect(try await app.get("/session", jar: jar).report().hits == 3)
            }
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                #expect(try await app.get("/safe", jar: jar, "-A", "another browser").report().verdict == "challenged")
            }
        }

        @Test("is over when its time is up, however much it is used", .timeLimit(.minutes(5)))
        func expiry() async throws {
            try await TestApplication.with(settings: ["SESSION_ANONYMOUS_ABSOLUTE_AGE": "1"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let field = jar.field
                // Sent by hand, as curl itself would no longer send cookies whose time is up.
                try await eventually("the session is gone") {
                    try await app.get("/session/peek", "-H", "Cookie: \(field)").report().hits == 0
                }
            }
        }
    }
}
