import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Metrics and traces of a running application")
    struct Telemetry {
        /// The lines of a worker's own back-ends.
        private static func lines(_ connection: KeptConnection) throws -> [String] {
            try connection.get("/telemetry").split(separator: "\n").map(String.init)
        }

        /// A connection to each of two workers: the one with fewer connections gets the next one.
        private static func connections(_ app: TestApplication) async throws -> [KeptConnection] {
            var kept: [String: KeptConnection] = [:]
            var all: [KeptConnection] = []
            try await eventually("both workers have answered") {
                let connection = try KeptConnection(path: app.folder["app.sock"])
                all.append(connection)
                kept[try Self.lines(connection)[0]] = connection
                return kept.count == 2
            }
            return kept.sorted { $0.key < $1.key }.map(\.value)
        }

        private static func count(_ lines: [String], _ line: String) -> Int {
            lines.first { $0.hasPrefix("\(line): ") }.flatMap { Int($0.dropFirst(line.count + 2)) } ?? 0
        }

        @Test(
            "are made by the back-ends that each worker bootstraps, by pattern, phase and event, and never by a path",
            .timeLimit(.minutes(5))
        )
        func backEnds() async throws {
            let settings = ["LIFE_TELEMETRY": "1", "PARANOID_HEARTBEAT_TIMEOUT": "none"]
            try await TestApplication.with("life-program", workers: 2, settings: settings) { app in
                try await eventually("both workers serve") { app.workers.count == 2 && app.log.matches(of: #/worker ready/#).count == 2 }
                let connections = try await Self.connections(app)
                try #require(connections.count == 2)
                let request = "timer http.server.request.duration http.request.method=GET http.response.status_code"
                for (index, connection) in connections.enumerated() {
                    for name in ["ann", "bob", "carol"].prefix(index + 1) { #expect(try connection.get("/traced/\(name)") == "traced\n") }
                    _ = try connection.get("/broken/ann")
                    _ = try connection.get("/secret/ann")
                    var lines: [String] = []
                    // A span ends behind the last byte, so the client may be faster.
                    try await eventually("all spans have ended") {
                        lines = try Self.lines(connection)
                        return lines.count { $0.hasPrefix("span GET ") && $0.contains("status_code=404") } == 1
                    }
                    // What the other worker has measured is not here.
                    #expect(Self.count(lines, "\(request)=200 http.route=/traced/{name}") == index + 1)
                    #expect(Self.count(lines, "\(request)=500 http.route=/broken/{name}") == 1)
                    #expect(Self.count(lines, "\(request)=404") == 1)
                    for phase in ["queued", "handler", "write"] {
                        let timer = "timer paranoid.request.phase.duration phase=\(phase) http.route=/traced/{name}"
                        #expect(Self.count(lines, timer) == index + 1, "\(phase): \(lines)")
                    }
                    #expect(lines.count { $0.hasPrefix("span GET /traced/{name} ") } == index + 1)
                    #expect(
                        lines.count { $0.hasPrefix("span inside ") && !$0.contains(" - ") } == index + 1,
                        "below the span of its request"
                    )
                    let broken = try #require(lines.first { $0.hasPrefix("span GET /broken/{name} ") })
                    #expect(broken.contains(" errors=1 ") && broken.hasSuffix("http.route=/broken/{name} http.response.status_code=500"))
                    // The request that asks is the only one that runs.
                    #expect(Self.count(lines, "meter http.server.active_requests") == 1)
                    #expect(!lines.contains { $0.contains("ann") || $0.contains("bob") || $0.contains("secret") })
                }
            }
        }

        @Test("tell of sessions, of bodies, of the caller's trace and of the questions of an authorizer", .timeLimit(.minutes(5)))
        func kinds() async throws {
            try await TestApplication.with("life-program", workers: 2, settings: ["LIFE_TELEMETRY": "1"]) { app in
                try await eventually("both workers serve") { app.workers.count == 2 && app.log.matches(of: #/worker ready/#).count == 2 }
                let connections = try await Self.connections(app)
                let all = { try connections.flatMap { try Self.lines($0) } }
                let sum = { (lines: [String], line: String) in
                    lines.filter { $0.hasPrefix("\(line): ") }.compactMap { Int($0.dropFirst(line.count + 2)) }.reduce(0, +)
                }
                let jar = try app.jar()
                #expect(try await app.post("/login", jar: jar, form: ["user": "ann"], "-A", "agent").status == 200)
                let open = try connections[0].mayPass("/files/ann.pdf", cookies: jar.field)
                #expect(open.hasPrefix("Status: 200"), "\(open)")
                let caller = ["-H", "In-Memory-Trace-Id: trace-1", "-H", "In-Memory-Span-Id: span-1"]
                #expect(try await app.curl(app.secure("/traced/x"), caller).status == 200)
                var lines: [String] = []
                try await eventually("all spans have ended") {
                    lines = try all()
                    return ["span POST /login ", "span GET /gate ", "span GET /traced/{name} "].allSatisfy { begin in
                        lines.contains { $0.hasPrefix(begin) }
                    }
                }
                #expect(lines.contains { $0.hasPrefix("span GET /traced/{name} trace-1 span-1 ") }, "\(lines)")
                #expect(lines.contains { $0.hasPrefix("span inside trace-1 ") && !$0.contains("span-1") })
                let gate = try #require(lines.first { $0.hasPrefix("span GET /gate ") })
                #expect(gate.contains("paranoid.request.role=authorizer") && gate.contains("http.route=/gate"))
                #expect(lines.filter { $0.contains("paranoid.request.role") }.count == 1)
                #expect(sum(lines, "counter paranoid.session.events event=login") == 1)
                for phase in ["queued", "read", "guard", "handler", "commit", "write"] {
                    #expect(sum(lines, "timer paranoid.request.phase.duration phase=\(phase) http.route=/login") == 1, "\(phase): \(lines)")
                }
                #expect(!lines.contains { $0.contains("ann") })
            }
        }
    }
}
