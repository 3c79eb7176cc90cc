import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Limits")
    struct Limits {
        private func statistics(_ app: TestApplication) async throws -> [String: Int] {
            try JSONDecoder().decode([String: Int].self, from: Data(try await app.get("/statistics").text.utf8))
        }

        @Test("parameters beyond the limits are answered with 400 and counted", .timeLimit(.minutes(5)))
        func parameters() async throws {
            let settings = ["PARANOID_PARAMETER_BYTES": "4096", "PARANOID_PARAMETER_LIMIT": "60"]
            try await TestApplication.with("stress-server", settings: settings) { app in
                let long = try await app.get("/hello", "-H", "X-Long: \(String(repeating: "x", count: 5000))")
                #expect(long.status == 400)
                #expect(try await app.get("/hello", "-H", "X-Long: \(String(repeating: "x", count: 1000))").status == 200)
                let many = (0..<60).flatMap { ["-H", "X-\($0): 1"] }
                #expect(try await app.curl(app.secure("/hello"), many).status == 400)
                #expect(try await self.statistics(app)["refusedParameters"] == 2)
            }
        }

        @Test("requests beyond what may run are answered with 503, and later ones served", .timeLimit(.minutes(5)))
        func overload() async throws {
            try await TestApplication.with("stress-server", workers: 1, threads: 4, settings: ["PARANOID_REQUEST_LIMIT": "2"]) { app in
                let file = app.folder.fresh("go")
                func wait() async throws -> Int {
                    // The requests that look whether there is room may have the place that this one wants.
                    while true {
                        let status = try await app.get("/wait?file=\(file)").status
                        if status != 503 { return status }
                    }
                }
                async let first = wait()
                async let second = wait()
                var turnedAway = 0
                try await eventually("a third is refused") {
                    let answer = try await app.get("/hello")
                    guard answer.status == 503 else { return false }
                    #expect(answer.fields.contains { $0.name == "retry-after" && $0.value == "1" })
                    turnedAway += 1
                    return true
                }
                #expect(try await app.post("/echo", form: ["a": "b"]).status == 503)
                try Data().write(to: URL(filePath: file))
                let outcomes = try await [first, second]
                #expect(outcomes == [200, 200])
                try await eventually("there is room again") { try await app.get("/hello").status == 200 }
                let statistics = try await self.statistics(app)
                #expect(statistics["overloads"] ?? 0 >= 2 && statistics["runningRequests"] == 1, "\(statistics)")
            }
        }

        @Test("long heads of responses are counted and reported once", .timeLimit(.minutes(5)))
        func heads() async throws {
            try await TestApplication.with("stress-server", workers: 1) { app in
                for _ in 0..<3 { #expect(try await app.get("/head?bytes=3000").status == 200) }
                #expect(try await self.statistics(app)["largeResponseHeads"] == 0)
                for _ in 0..<3 { _ = try await app.get("/head?bytes=4090") }
                #expect(try await self.statistics(app)["largeResponseHeads"] == 3)
                #expect(app.log.components(separatedBy: "a response's head is longer").count == 2)
            }
        }

        @Test("the numbers of all workers are one, and outlive them", .timeLimit(.minutes(5)))
        func sum() async throws {
            let settings = ["PARANOID_BODY_LIMIT": "10", "PARANOID_REQUEST_DEADLINE": "1"]
            try await TestApplication.with("stress-server", workers: 3, settings: settings) { app in
                for _ in 0..<6 { #expect(try await app.curl(app.secure("/echo"), ["--data", "more than ten bytes"]).status == 413) }
                #expect(try await app.get("/wait?ms=600000").status == 503)
                let before = try await self.statistics(app)
                #expect(before["largeBodies"] == 6 && before["overdueRequests"] == 1 && before["workers"] == 3, "\(before)")
                let workers = Set(app.workers)
                app.program.signal(SIGHUP)
                try await eventually("all workers are new") { app.workers.count == 3 && workers.isDisjoint(with: app.workers) }
                let after = try await self.statistics(app)
                #expect(after["largeBodies"] == 6 && after["overdueRequests"] == 1, "\(after)")
                #expect(after["requests"] ?? 0 > 8 && after["workers"] == 3, "\(after)")
            }
        }
    }
}
