import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("The example of Logging-in")
struct LoggingInExampleTests {
    private struct Credentials: Decodable {
        var name: String
        var password: String
    }

    private struct Accounts: Sendable {
        func accept(_ credentials: Credentials) -> Bool { credentials.password == "secret" }
        func change(_ form: FormFields) async throws {}
    }

    private static func register(on app: Application, _ accounts: Accounts) {
        app.add(middleware: CSRFProtection())

        app.get("/login") { request in
            let token = try await request.session.csrfToken
            return Response.html(
                """
                <form method="post"><input type="hidden" name="csrf_token" value="\(token)">
                <input name="name"><input name="password" type="password"><button>Log in</button></form>
                """
            )
        }
        app.post("/login") { request in
            let form = try await request.decodeForm(Credentials.self)
            guard accounts.accept(form) else { throw HTTPError(.forbidden) }
            try await request.session.logIn(as: form.name, keeping: .only(["cart"]))
            try await request.session.flash("Welcome back.", kind: .success)
            return Response.redirect(to: "/")
        }
        app.post("/password") { request in
            try await request.session.requireFreshLogin(within: .seconds(300))
            try await accounts.change(try await request.form())
            return "\(try await request.session.revokeOthers()) other sessions have ended.\n"
        }
    }

    @Test("logs in with the token of its form, and changes the password while the login is fresh")
    func example() async throws {
        let made = try SessionApplication()
        Self.register(on: made.app, Accounts())
        made.app.get("/") { request in
            let messages = try await request.session.takeFlashes().map(\.text).joined()
            return "\(messages) \(try await request.session.csrfToken)"
        }
        var client = made.client()
        let page = try await client.get("/login").text
        let token = String(try #require(page.split(separator: "value=\"").dropFirst().first?.split(separator: "\"").first))
        #expect(try await client.post("/login", form: ["csrf_token": token, "name": "ann", "password": "wrong"]).status == 403)
        #expect(try await client.post("/login", form: ["csrf_token": token, "name": "ann", "password": "secret"]).status == 303)
        let parts = try await client.get("/").text.split(separator: " ").map(String.init)
        #expect(parts.dropLast().joined(separator: " ") == "Welcome back.")
        let next = try #require(parts.last)
        #expect(try await client.post("/password", form: ["csrf_token": next]).text == "0 other sessions have ended.\n")
        made.time.advance(by: .seconds(301))
        #expect(try await client.post("/password", form: ["csrf_token": next]).status == 403)
    }
}
