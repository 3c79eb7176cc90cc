import Foundation
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

        @Test("with all cookies but another browser is refused", .timeLimit(.minutes(2)))
        func otherBrowser() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.post("/login", jar: jar, form: ["user": "alice"])
                _ = try await app.get("/session", jar: jar)
                let stolen = try jar.copied(in: app.folder)
                let report = try await app.get("/session/peek", jar: stolen, "-A", "Thief/1.0").report()
                #expect(report.verdict == "rejected")
                #expect(report.reason == "headers")
                #expect(report.user == nil && report.hits == 0)
            }
        }

        @Test("without the second key is refused over HTTPS", .timeLimit(.minutes(2)))
        func secondKey() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let cookies = jar.cookies.filter { $0.key != "sessionid_https" }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
                let report = try await app.get("/session/peek", "-H", "Cookie: \(cookies)").report()
                #expect(report.verdict == "rejected" && report.reason == "secureKey" && report.hits == 0)
            }
        }

        @Test("whose copy is older than the owner's last nonce is refused", .timeLimit(.minutes(2)))
        func oldNonce() async throws {
            // A new nonce with every answer, and no older one counts.
            try await TestApplication.with(settings: ["PSESSION_NONCE_TIMEOUT": "0", "PSESSION_NONCE_WINDOW": "0"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let stolen = try jar.copied(in: app.folder)
                let presented = jar.cookies["sessionnonce"]
                // The next answer brings a new nonce as soon as the clock has moved on.
                try await eventually("the nonce has changed") {
                    _ = try await app.get("/session/peek", jar: jar)
                    return jar.cookies["sessionnonce"] != presented
                }
                _ = try await app.get("/session/peek", jar: jar)
                let report = try await app.get("/session/peek", jar: stolen).report()
                #expect(report.verdict == "rejected" && report.reason == "nonce" && report.hits == 0)
            }
        }

        @Test("cannot plant an identifier", .timeLimit(.minutes(2)))
        func fixation() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                let planted = String(repeating: "A", count: 44)
                let answer = try await app.get("/session", jar: jar, "-H", "Cookie: sessionid=\(planted)")
                #expect(try answer.report().verdict == "new")
                #expect(jar.cookies["sessionid"] != nil && jar.cookies["sessionid"] != planted)
            }
        }

        @Test("is shown by the demo: each guard answers, and only a perfect copy gets in", .timeLimit(.minutes(2)))
        func demonstration() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                #expect(try await app.post("/steal", jar: jar).status == 409)
                _ = try await app.post("/login", jar: jar, form: ["user": "alice"])
                let thefts = try await app.post("/steal", jar: jar).json([Theft].self)
                let verdicts = try Dictionary(uniqueKeysWithValues: thefts.map { ($0.id, try $0.report) })
                #expect(verdicts["other-browser"]?.reason == "headers")
                #expect(verdicts["other-device"]?.reason == "headers")
                #expect(verdicts["without-second-key"]?.reason == "secureKey")
                #expect(verdicts["plain-http"]?.reason == "headers")
                #expect(verdicts["old-nonce"]?.reason == "nonce")
                #expect(verdicts["invented"]?.verdict != "accepted")
                #expect(verdicts["everything"]?.verdict == "accepted")
                for (id, report) in verdicts where id != "everything" {
                    #expect(report.verdict != "accepted" && report.user == nil, "\(id)")
                }
                #expect(thefts.filter(\.own).map(\.id) == ["other-browser"])
            }
        }
    }
}
