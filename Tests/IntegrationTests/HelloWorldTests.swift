import Foundation
import Testing

extension Integration {
    @Suite("The first program")
    struct HelloWorld {
        private static let form = ["name": "alice", "password": "sesame"]

        private func token(_ app: TestApplication, _ jar: CurlJar) async throws -> String {
            let page = try await app.get("/login", jar: jar).text
            return String(try #require(page.split(separator: "value=\"").dropFirst().first?.split(separator: "\"").first))
        }

        @Test("greets, counts visits, and logs in with the password only, to a page that exists", .timeLimit(.minutes(5)))
        func program() async throws {
            try await TestApplication.with("HelloWorld", settings: ["HELLO_PASSWORD": "sesame"]) { app in
                let jar = try app.jar()
                #expect(try await app.get("/", jar: jar).text == "Hello, stranger. This is visit 1.\n")
                #expect(try await app.post("/login", jar: jar, form: Self.form).status == 403)
                let token = ["csrf_token": try await self.token(app, jar)]
                #expect(
                    try await app.post("/login", jar: jar, form: ["name": "alice", "password": ""].merging(token) { $1 }).status == 403
                )
                let login = try await app.post("/login", jar: jar, form: Self.form.merging(token) { $1 })
                #expect(login.status == 303)
                let page = try await app.get(try #require(login.value("location")), jar: jar)
                #expect(page.text == "Hello, alice. This is visit 2.\n")
            }
        }

        @Test("logs nobody in without a password of its own", .timeLimit(.minutes(5)))
        func withoutPassword() async throws {
            try await TestApplication.with("HelloWorld") { app in
                let jar = try app.jar()
                let token = try await self.token(app, jar)
                for password in ["", "sesame"] {
                    let form = ["csrf_token": token, "name": "alice", "password": password]
                    #expect(try await app.post("/login", jar: jar, form: form).status == 403)
                }
            }
        }
    }
}
