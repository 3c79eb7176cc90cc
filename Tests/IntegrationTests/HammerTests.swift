import Foundation
import Synchronization
import TestSupport
import Testing

extension Integration {
    @Suite("Four workers with eight threads, hammered")
    struct Hammer {
        private static let clients = 16
        private static let requests = 100

        @Test("count every answered request once, on one session whose jar all clients copied", .timeLimit(.minutes(5)))
        func oneSession() async throws {
            try await TestApplication.with(workers: 4, threads: 8, settings: ["PSESSION_NONCE_TIMEOUT": "none"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let field = jar.field
                let reports = try await hammer(app) { _ in
                    try await app.repeated("/session", count: Self.requests, ["-H", "Cookie: \(field)"])
                }
                #expect(reports.count == Self.clients * Self.requests)
                #expect(reports.allSatisfy { $0.verdict == "accepted" })
                // Not only the sum: every number from 2 on was given to exactly one request.
                #expect(reports.map(\.hits).sorted() == Array(2...(Self.clients * Self.requests + 1)))
                #expect(try await app.get("/session/peek", "-H", "Cookie: \(field)").report().hits == Self.clients * Self.requests + 1)
            }
        }

        @Test("count every answered request once, with the default nonces and clients that follow their own jars", .timeLimit(.minutes(5)))
        func ownJars() async throws {
            try await TestApplication.with(workers: 4, threads: 8) { app in
                let jars = try (0..<Self.clients).map { _ in try app.jar() }
                _ = try await hammer(app) { client in
                    let answers = try await app.repeated("/session", count: Self.requests, jar: jars[client])
                    let reports = try answers.map { try JSONDecoder().decode(SessionAnswer.self, from: Data($0.body.utf8)) }
                    #expect(reports.map(\.hits) == Array(1...Self.requests))
                    #expect(reports.dropFirst().allSatisfy { $0.verdict == "accepted" })
                    return answers
                }
            }
        }

        @Test("lose no counted request when workers are killed", .timeLimit(.minutes(5)))
        func killing() async throws {
            try await TestApplication.with(workers: 4, threads: 8, settings: ["PSESSION_NONCE_TIMEOUT": "none"]) { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let field = jar.field
                async let killed = killWorkers(of: app, times: 6)
                var answered = 0
                var used: [Int] = []
                // Until the last kill and a round beyond it.
                var isLastRound = false
                repeat {
                    isLastRound = app.lostWorkers.withLock { $0 >= 6 }
                    let reports = try await hammer(app) { _ in
                        try await app.repeated("/session", count: 50, ["-H", "Cookie: \(field)"])
                    }
                    answered += reports.count
                    used += reports.map(\.hits)
                    #expect(reports.allSatisfy { $0.verdict == "accepted" })
                } while !isLastRound
                try await killed

                // A request whose worker died after the commit was counted and perhaps repeated, never forgotten.
                #expect(Set(used).count == used.count)
                let hits = try await app.get("/session/peek", "-H", "Cookie: \(field)").report().hits
                #expect(hits >= answered + 1 && hits >= (used.max() ?? 0))
                #expect(app.workers.count == 4)
                // No session file was unreadable: nothing was moved aside, nothing given up.
                let log = app.log.lowercased()
                #expect(!log.contains("damaged") && !log.contains("given up") && !log.contains("moved aside"))
            }
        }

        /// All clients at once; the reports in the answers with status 200.
        private func hammer(
            _ app: TestApplication,
            _ client: @escaping @Sendable (Int) async throws -> [(status: Int, body: String)]
        ) async throws -> [SessionAnswer] {
            try await withThrowingTaskGroup(of: [SessionAnswer].self) { group in
                for number in 0..<Self.clients {
                    group.addTask {
                        try await client(number).filter { $0.status == 200 }
                            .map { try JSONDecoder().decode(SessionAnswer.self, from: Data($0.body.utf8)) }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
        }

        /// Kills a random worker, waits until the supervisor has replaced it, and begins anew.
        private func killWorkers(of app: TestApplication, times: Int) async throws {
            for _ in 0..<times {
                let before = app.workers
                guard let victim = before.randomElement() else { throw TestFailure("there are no workers") }
                kill(victim, SIGKILL)
                try await eventually("a worker is replaced", within: .seconds(300)) {
                    let now = app.workers
                    return now.count == before.count && !now.contains(victim)
                }
                app.lostWorkers.withLock { $0 += 1 }
            }
        }
    }
}
