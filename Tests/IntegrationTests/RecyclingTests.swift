import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Recycling")
    struct Recycling {
        @Test("workers are replaced after so many requests, and no request is lost", .timeLimit(.minutes(5)))
        func requests() async throws {
            try await TestApplication.with("stress-server", workers: 2, settings: ["PARANOID_MAX_REQUESTS": "100"]) { app in
                let before = Set(app.workers)
                var rounds = 0
                while !before.isDisjoint(with: app.workers) || app.log.occurrences(of: "asks for a successor") < 6 {
                    let answers = try await withThrowingTaskGroup(of: [(status: Int, body: String)].self) { group in
                        for _ in 0..<4 { group.addTask { try await app.repeated("/echo", count: 100, ["--data", "a body"]) } }
                        return try await group.reduce(into: []) { $0 += $1 }
                    }
                    #expect(answers.count == 400 && answers.allSatisfy { $0.status == 200 && $0.body == "a body" })
                    rounds += 1
                    if rounds > 200 { throw TestFailure("workers are not replaced\n\(app.log)") }
                }
                #expect(app.log.occurrences(of: "worker died") == 0)
            }
        }

        @Test("a worker that grows is replaced", .timeLimit(.minutes(5)))
        func memory() async throws {
            try await TestApplication.with("stress-server", workers: 1, settings: ["PARANOID_WORKER_MEMORY": "\(300 << 20)"]) { app in
                let before = try await app.get("/worker").text
                #expect(try await app.get("/grow?mb=400").status == 200)
                try await eventually("another worker answers") { try await app.get("/worker").text != before }
                #expect(app.log.occurrences(of: "worker uses too much memory and is replaced") == 1)
            }
        }

        @Test("a worker whose threads are all held is replaced, and others answer meanwhile", .timeLimit(.minutes(5)))
        func stuck() async throws {
            let settings = ["PARANOID_HEARTBEAT_TIMEOUT": "2"]
            try await TestApplication.with("stress-server", workers: 1, threads: 2, settings: settings) { app in
                let before = app.workers
                async let first = app.get("/hold?ms=600000", "--max-time", "60")
                async let second = app.get("/hold?ms=600000", "--max-time", "60")
                try await eventually("the worker is replaced") { app.workers.count == 1 && app.workers != before }
                try await eventually("the successor answers") { try await app.get("/hello", "--max-time", "5").status == 200 }
                #expect(app.log.contains("worker is stuck and is replaced"))
                _ = try await (first, second)
            }
        }
    }

    @Suite("Sharing of connections")
    struct Sharing {
        private static let workers = 3
        private static let connections = 90

        @Test("each of three workers gets about a third of ninety kept connections, also after a reload", .timeLimit(.minutes(5)))
        func thirds() async throws {
            try await TestApplication.with("stress-server", workers: Self.workers) { app in
                try await self.expectThirds(of: app)
                let before = Set(app.workers)
                app.program.signal(SIGHUP)
                try await eventually("all workers are new") {
                    app.workers.count == Self.workers && before.isDisjoint(with: app.workers)
                }
                try await self.expectThirds(of: app)
            }
        }

        private func expectThirds(of app: TestApplication) async throws {
            var peers: [KeptConnection] = []
            var counts: [String: Int] = [:]
            // A worker that was started a moment ago takes no part yet.
            try await eventually("each worker has about a third of the connections") {
                peers = []
                counts = [:]
                for _ in 0..<Self.connections {
                    let peer = try KeptConnection(path: app.folder["app.sock"])
                    counts[try peer.get("/worker"), default: 0] += 1
                    peers.append(peer)
                }
                return counts.count == Self.workers && counts.values.allSatisfy { (24...36).contains($0) }
            }
            // They stay where they are.
            var again: [String: Int] = [:]
            for peer in peers { again[try peer.get("/worker"), default: 0] += 1 }
            #expect(again == counts)
        }
    }
}

extension String {
    fileprivate func occurrences(of text: String) -> Int { self.components(separatedBy: text).count - 1 }
}
