import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Requests that take too long")
    struct Deadlines {
        @Test("are cancelled and answered with 503, others are not", .timeLimit(.minutes(5)), arguments: [0, 2])
        func cancelled(workers: Int) async throws {
            let settings = ["PARANOID_REQUEST_DEADLINE": "1", "PARANOID_REQUEST_GRACE": "600"]
            try await TestApplication.with("stress-server", workers: workers, settings: settings) { app in
                #expect(try await app.get("/wait?ms=0").text == "waited\n")
                for path in ["/wait?ms=600000", "/ignore?ms=5000", "/hold?ms=5000"] {
                    let answer = try await app.get(path)
                    #expect(answer.status == 503 && answer.text == "Service Unavailable\n", "\(path): \(answer.status)")
                }
                #expect(app.log.contains("request.overdue=1"))
                #expect(try await app.post("/echo", form: ["a": "b"]).text == "a=b")
            }
        }

        @Test("cost their worker its place when they ignore that", .timeLimit(.minutes(5)))
        func ignored() async throws {
            let settings = [
                "PARANOID_REQUEST_DEADLINE": "0.5", "PARANOID_REQUEST_GRACE": "0.5", "PARANOID_DRAIN_TIMEOUT": "1",
            ]
            try await TestApplication.with("stress-server", workers: 1, settings: settings) { app in
                let before = try await app.get("/worker").text
                #expect(try await app.get("/ignore?ms=600000").status == 503)
                try await eventually("another worker answers") { try await app.get("/worker").text != before }
                #expect(app.log.contains("worker asks for a successor"))
            }
        }
    }

    @Suite("In a group of services")
    struct Services {
        @Test("SIGTERM to the group lets running requests finish", .timeLimit(.minutes(5)))
        func termination() async throws {
            try await TestApplication.with("stress-server", workers: 0, settings: ["STRESS_AS_SERVICE": "1"]) { app in
                let file = app.folder.fresh("go")
                async let running = app.get("/wait?file=\(file)")
                // Not a new connection: the web server may use one again that it has kept.
                try await eventually("the request runs") { try await app.get("/waiting").text == "1" }
                app.program.signal(SIGTERM)
                try Data().write(to: URL(filePath: file))
                let ending = await app.terminate()
                #expect(try await running.text == "waited\n")
                #expect(ending == .exited(0))
            }
        }
    }
}
