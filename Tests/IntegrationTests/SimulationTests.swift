import Foundation
import Testing

extension Integration {
    @Suite("The simulation of the demo")
    struct Simulation {
        struct Results: Decodable {
            struct Honest: Decodable {
                var requests: Int
                var thrownOut: Int
            }

            struct Thief: Decodable {
                var sessions: Int
                var found: Int
            }

            var honest: [Honest]
            var thieves: [Thief]
        }

        @Test("throws nobody out by the rules in force, many by those of 2009, and finds every thief", .timeLimit(.minutes(5)))
        func results() async throws {
            try await TestApplication.with { app in
                let results = try await app.get("/simulate?format=json").json(Results.self)
                #expect(results.honest.count == 2 && results.honest[0].requests >= 2000)
                #expect(results.honest[0].thrownOut == 0)
                #expect(results.honest[1].thrownOut > 0)
                #expect(!results.thieves.isEmpty && results.thieves.allSatisfy { $0.found == $0.sessions && $0.sessions > 0 })
                let page = try await app.get("/simulate")
                #expect(page.status == 200 && page.text.contains("Thrown out") && page.values("set-cookie").isEmpty)
                #expect(try await app.get("/").text.contains("href=\"/simulate\""))
            }
        }
    }
}
