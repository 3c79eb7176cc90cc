import Foundation
import Testing

extension Integration {
    @Suite("An account page")
    struct AccountPage {
        private func token(_ text: String) throws -> String {
            let parts = text.split(separator: "name=\"csrf_token\" value=\"")
            return try #require(parts.count > 1 ? parts[1].split(separator: "\"").first.map(String.init) : nil)
        }

        @Test("takes forms with their token only, shows messages once, and asks for more where it matters", .timeLimit(.minutes(5)))
        func login() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                let first = try await app.get("/account", jar: jar)
                #expect(Set(jar.cookies.keys) == ["__Host-csrf"])
                #expect(first.value("cache-control") == "no-store" && first.value("vary") == "Cookie")
                #expect(try await app.post("/account/login", jar: jar, form: ["user": "alice"]).status == 403)
                let token = try self.token(first.text)
                let foreign = try await app.post(
                    "/account/login",
                    jar: jar,
                    form: ["user": "alice", "csrf_token": token],
                    "-H",
                    "Origin: https://evil.example"
                )
                #expect(foreign.status == 403)
                let form = ["user": "alice", "csrf_token": token, "remember": "on"]
                #expect(try await app.post("/account/login", jar: jar, form: form, "-H", "Origin: \(app.secure(""))").status == 303)
                #expect(jar.cookies["__Host-remember"] != nil)

                let welcome = try await app.get("/account", jar: jar).text
                #expect(welcome.contains("Welcome, alice.") && welcome.contains("at level 10"))
                #expect(try await !app.get("/account", jar: jar).text.contains("Welcome"))
                let inside = ["csrf_token": try self.token(welcome)]
                #expect(try await app.post("/account/transfer", jar: jar, form: inside).status == 403)
                #expect(try await app.post("/account/step-up", jar: jar, form: inside).status == 303)
                let proved = try await app.get("/account", jar: jar).text
                #expect(proved.contains("at level 20"))
                let fresh = ["csrf_token": try self.token(proved)]
                #expect(try await app.post("/account/transfer", jar: jar, form: fresh).status == 303)
                let shown = jar.cookies.keys.filter { $0 != "__Host-csrf" }
                #expect(shown.contains("__Host-remember") && shown.count { $0.hasPrefix("__Host-session") } >= 3)
                let out = try await app.post("/account/logout", jar: jar, form: fresh)
                #expect(out.value("clear-site-data") == "\"cache\", \"storage\"")
                let deleted = out.values("set-cookie").filter { $0.contains("=; ") && $0.contains("Max-Age=0") }
                #expect(Set(deleted.map { $0.prefix { $0 != "=" } }).isSuperset(of: shown.map { $0[...] }))
            }
        }
    }
}
