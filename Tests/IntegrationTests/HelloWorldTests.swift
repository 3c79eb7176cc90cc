import Foundation
import Testing

extension Integration {
    @Suite("The ten-line program")
    struct HelloWorld {
        @Test("greets, counts visits and logs in", .timeLimit(.minutes(5)))
        func program() async throws {
            try await TestApplication.with("HelloWorld") { app in
                let jar = try app.jar()
                #expect(try await app.get("/hello", jar: jar).text == "hello\n")
                #expect(try await app.get("/visits", jar: jar).text == "visits: 1\n")
                let login = try await app.post("/login", jar: jar, form: ["user": "alice"])
                #expect(login.status == 303)
                #expect(login.value("location") == "/")
                #expect(try await app.get("/visits", jar: jar).text == "visits: 2\n")
            }
        }
    }
}
