import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("A thief")
    struct Thief {
        struct Theft: Decodable {
            var id: String
            var own: Bool
            var status: Int
            var answer: String

            var report: SessionAnswer {
                get throws { try JSONDecoder().decode(SessionAnswer.self, from: Data(self.answer.utf8)) }
            }
        }

        @Test("with all cookies but another browser is refused", .timeLimit(.minutes(5)))
        func otherBrowser() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.post("/login", jar: jar, form: ["user": "alice"])
                _ = try await app.get("/session", jar: jar)
                let stolen = try jar.copied(in: app.folder)
                let report = try await app.get("/session/peek", jar: stolen, "-A", "Thief/1.0").report()
                #expect(report.verdict == "challenged")
                #expect(report.reason == "signals")
                #expect(report.user == nil && report.hits == 0)
            }
        }

        @Test("without the second key is refused over HTTPS", .timeLimit(.minutes(5)))
        func secureKey() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let cookies = jar.cookies.filter { $0.key != "__Host-sessionid_https" }.map { "\($0.key)=\($0.value)" }.joined(
                    separator: "; "
                )
                let report = try await app.get("/session/peek", "-H", "Cookie: \(cookies)").report()
                #expect(report.verdict == "rejected" && report.reason == "secureKey" && report.hits == 0)
            }
        }

        @Test("whose copy is older than what the owner has shown since ends the session for both, with an alarm", .timeLimit(.minutes(5)))
        func oldNonce() async throws {
            try await TestApplication.with(settings: ["PSESSION_DELAY_BOUND": "0.5"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let field = jar.field
                let presented = jar.cookies[session: "__Host-sessionnonce"]
                // The next answers bring a new nonce as soon as no older one can be under way.
                try await eventually("the nonce has changed") {
                    _ = try await app.get("/session/peek", jar: jar)
                    return jar.cookies[session: "__Host-sessionnonce"] != presented
                }
                #expect(try await app.get("/session/peek", jar: jar).report().verdict == "accepted")
                // Within the bound it may be a request under way; later it is proof.
                var report = SessionAnswer(verdict: "", reason: nil, hits: 0, user: nil, fresh: false)
                try await eventually("the copy is found out") {
                    report = try await app.get("/session/peek", "-H", "Cookie: \(field)").report()
                    return report.verdict == "rejected"
                }
                #expect(report.reason == "reuse" && report.hits == 0)
                #expect(try await app.get("/session/peek", jar: jar).report().verdict == "none")
                #expect(app.log.contains(" session.event=reuse "))
            }
        }

        @Test("who knows the identifier alone, or all but the nonce, cannot end the session", .timeLimit(.minutes(5)))
        func cannotEnd() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let cookies = jar.cookies
                let forged = String(repeating: "A", count: 32)
                for others in [[], ["__Host-sessionnonce"], ["__Host-sessionid_https"]] {
                    let parts = ["__Host-sessionid"] + others
                    let field = parts.compactMap { name in cookies[name].map { "\(name)=\($0)" } }.joined(separator: "; ")
                    let report = try await app.get("/session/peek", "-H", "Cookie: \(field)").report()
                    #expect(report.verdict == "rejected" && report.hits == 0, "\(parts)")
                }
                var others = cookies
                others[session: "__Host-sessionnonce"] = forged
                let field = others.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
                #expect(try await app.get("/session/peek", "-H", "Cookie: \(field)").report().reason == "nonce")
                #expect(try await app.get("/session/peek", jar: jar, "-A", "Other/1.0").report().reason == "signals")
                #expect(try await app.get("/session", jar: jar).report().hits == 2)
            }
        }

        @Test("cannot plant an identifier", .timeLimit(.minutes(5)))
        func fixation() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                let planted = String(repeating: "A", count: 44)
                let answer = try await app.get("/session", jar: jar, "-H", "Cookie: __Host-sessionid=\(planted)")
                #expect(try answer.report().verdict == "new")
                #expect(jar.cookies[session: "__Host-sessionid"] != nil && jar.cookies[session: "__Host-sessionid"] != planted)
            }
        }

        @Test("is shown by the demo: each guard answers, and only a perfect copy gets in", .timeLimit(.minutes(5)))
        func demonstration() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                #expect(try await app.post("/steal", jar: jar).status == 409)
                _ = try await app.post("/login", jar: jar, form: ["user": "alice"])
                let thefts = try await app.post("/steal", jar: jar).json([Theft].self)
                let verdicts = try Dictionary(uniqueKeysWithValues: thefts.map { ($0.id, try $0.report) })
                #expect(verdicts["other-browser"]?.reason == "signals")
                #expect(verdicts["other-device"]?.reason == "signals")
                #expect(verdicts["without-second-key"]?.reason == "secureKey")
                #expect(verdicts["plain-http"]?.reason == "insecure")
                #expect(verdicts["old-nonce"]?.reason == "reuse")
                #expect(verdicts["invented"]?.verdict != "accepted")
                #expect(verdicts["everything"]?.verdict == "accepted")
                for (id, report) in verdicts where id != "everything" {
                    #expect(report.verdict != "accepted" && report.user == nil, "\(id)")
                }
                #expect(thefts.filter(\.own).map(\.id) == ["other-browser"])
                #expect(try await app.get("/session/peek", jar: jar).report().user == "alice")
            }
        }
    }
}
