import Foundation
import ParanoidHTTP
#if Redis
import RedisSessionStore
#endif
import Testing
import WorkerSupervisor

@testable import ParanoidFastCGI

@Suite("The status")
struct StatusTests {
    private func request(_ text: String) -> StatusRequest { StatusRequest(Array(text.utf8)) }

    @Test("is asked for by GET requests, which may come in pieces")
    func requests() {
        let whole = "GET /status?x=1 HTTP/1.1\r\nHost: a\r\nAccept: text/html,*/*\r\n\r\n"
        for count in 0..<whole.utf8.count { #expect(StatusRequest(Array(whole.utf8.prefix(count))) == .incomplete) }
        #expect(self.request(whole) == .page(path: "/status", .html))
        #expect(self.request("GET / HTTP/1.0\n\n") == .page(path: "/", []))
        #expect(
            self.request("GET /a HTTP/1.1\r\naccept: application/json\r\nAccept: application/openmetrics-text;q=1\r\n\r\n")
                == .page(path: "/a", [.json, .openMetrics])
        )
    }

    @Test(
        "refuses everything else",
        arguments: [
            ("POST / HTTP/1.1\r\n\r\n", 405), ("HEAD / HTTP/1.1\r\n\r\n", 405), ("GET / HTTP/2\r\n\r\n", 400), ("GET /\r\n\r\n", 400),
            ("GET a HTTP/1.1\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n\r\n", 400), ("get / HTTP/1.1\r\n\r\n", 400), ("\r\n\r\n", 400),
            ("GET /\u{0} HTTP/1.1\r\n\r\n", 400), (String(repeating: "a", count: 8193), 431),
            ("GET / HTTP/1.1\r\nA: \(String(repeating: "a", count: 8192))\r\n\r\n", 431),
        ]
    )
    func refusals(_ text: String, _ status: Int) {
        #expect(self.request(text) == .refused(status))
    }

    @Test("counts in memory that all processes share, by route and by phase")
    func registry() throws {
        let registry = MetricsRegistry(scoreboard: try Scoreboard(slots: 1))
        for (milliseconds, status) in [(Int64(1), 200), (3, 200), (40, 503), (20_000, 200)] {
            let trace = RequestTrace { _, _ in }
            trace.note { $0.status = status }
            trace.add(milliseconds * 1_000_000, to: .commit)
            registry.count(trace.facts, total: milliseconds * 1_000_000)
        }
        registry.count(.reuse)
        let (times, failures) = registry.route(0)
        #expect(times.count == 4 && failures == 1 && times.microseconds == 20_044_000)
        #expect(times.counts[0] == 1 && times.counts[2] == 1 && times.counts[5] == 1 && times.counts.last == 1)
        #expect(times.quantile(0.5) == 0.005 && times.quantile(1) == nil)
        #expect(registry.histogram(of: .commit).count == 4 && registry.histogram(of: .guard).count == 0)
        #expect(registry.responses(ofClass: 2) == 3 && registry.responses(ofClass: 5) == 1)
        #expect(registry.count(of: .reuse) == 1 && registry.count(of: .login) == 0)
    }

    private func board() throws -> (StatusBoard, Scoreboard) {
        let scoreboard = try Scoreboard(slots: 1)
        let worker = scoreboard.slot(0, generation: 0)
        worker.state = .serving
        worker.raiseHeartbeat(now: 1, servedRequests: 7)
        var row = ScoreboardRows.Text()
        row.append("GET /users/{id} <id>&")
        scoreboard.rows(0, generation: 0).write(3, since: 1, text: row)
        return (StatusBoard(scoreboard, supervisor: nil, routes: [("GET", "/users/{id}")]), scoreboard)
    }

    @Test("is a page without script, JSON, text and metrics of one set of numbers")
    func forms() throws {
        let (board, scoreboard) = try self.board()
        let trace = RequestTrace { _, _ in }
        trace.note { $0.status = 200 }
        MetricsRegistry(scoreboard: scoreboard).count(trace.facts, total: 2_000_000)
        func get(_ path: String, _ accepted: StatusRequest.Accepted = []) -> StatusResponse {
            board.response(.page(path: path, accepted))
        }
        #expect(get("/live").status == 200 && get("/ready").body == "ready: 1 of 1 workers serve\n")
        let page = get("/status", .html)
        #expect(page.type.hasPrefix("text/html") && !page.body.contains("<script") && !page.body.contains("http://"))
        #expect(page.body.contains("GET /users/{id} &lt;id&gt;&amp;"))
        #expect(get("/status.txt").body.contains("    GET /users/{id} <id>& for "))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(get("/status", .json).body.utf8)) as? [String: Any])
        #expect(json["requests"] as? Int == 7 && json["ready"] as? Bool == true)
        let metrics = get("/metrics", .openMetrics)
        #expect(metrics.type.hasPrefix("application/openmetrics-text") && metrics.body.hasSuffix("# EOF\n"))
        #expect(metrics.body.contains("# TYPE paranoid_requests counter\n") && metrics.body.contains("\nparanoid_requests_total 7\n"))
        #expect(metrics.body.contains(#"paranoid_request_duration_seconds_bucket{method="-",route="-",le="0.0025"} 1"#))
        let older = get("/metrics")
        #expect(older.type.hasPrefix("text/plain; version=0.0.4") && !older.body.contains("# EOF") && !older.body.contains("# UNIT"))
        #expect(older.body.contains("# TYPE paranoid_requests_total counter\nparanoid_requests_total 7\n"))
        #expect(get("/nothing").status == 404)
    }

    @Test("says times and rates as people do")
    func texts() {
        let times = [0, 999, 1000, 1230, 5000, 9999, 10_000, 2_500_000, 12_000_000]
        #expect(
            times.map { StatusReport.microseconds($0) } == [
                "0 µs", "999 µs", "1 ms", "1.2 ms", "5 ms", "10 ms", "10 ms", "2500 ms", "12 s",
            ]
        )
        #expect([0, 0.04, 1, 435.84].map { StatusReport.rounded($0) } == ["0", "0", "1", "435.8"])
    }

    @Test("shows as running the sum of what its workers show, with those that wait, at the moment of the question")
    func running() throws {
        let (board, scoreboard) = try self.board()
        #expect(board.report.running == 1 && board.report.workers.map(\.running) == [1])
        let worker = scoreboard.slot(0, generation: 0)
        // Three wait for a thread; there was no heartbeat since.
        for _ in 0..<4 { worker.addRunningRequests(1) }
        #expect(board.report.running == 4 && board.report.workers.map(\.running) == [4])
        for form in [board.report.text, board.report.json.text, board.report.html, board.report.metrics(.openMetrics)] {
            #expect(form.contains(#/running 4,|"running_requests":4|<b>4<\/b><span>running|paranoid_running_requests 4\n/#))
        }
        for _ in 0..<4 { worker.addRunningRequests(-1) }
        scoreboard.rows(0, generation: 0).end(3)
        #expect(board.report.running == 0)
    }

    @Test("has no table that scrolls sideways, and the time of a request stands before its identifier")
    func narrow() throws {
        let page = try self.board().0.report.html
        #expect(!page.contains("overflow-x") && !page.contains("nowrap"))
        #expect(page.contains(#/<td colspan="8"><b>[^<]+<\/b> <code>GET \/users/#))
        // Each cell says what it is where there is no room for the head.
        #expect(page.contains(#"<td data-of="process">"#))
    }

    @Test("tells limits from what was refused or failed", arguments: ServerStatistics.Event.allCases)
    func kinds(_ event: ServerStatistics.Event) throws {
        let context = try WorkerContext(alone: {})
        context.count(event)
        let report = StatusBoard(context.scoreboard, supervisor: nil, routes: []).report
        let (limits, errors) = (report.limits.filter { $0.count > 0 }.map(\.event), report.errors.filter { $0.count > 0 }.map(\.event))
        #expect(limits + errors == [event])
        #expect(limits.isEmpty == [.refusedPeers, .brokenRequests, .badRequests, .unavailable, .failures].contains(event))
        let metric = limits.isEmpty ? "paranoid_errors_total{error=" : "paranoid_limits_reached_total{limit="
        #expect(report.metrics(.openMetrics).contains("\(metric)\"\(event.rawValue)\"} 1\n"))
        #expect(report.text.contains("\n\(limits.isEmpty ? "errors" : "limits") \(event.rawValue) 1\n"))
    }

    @Test("has metrics in which each sample follows the line of its family", arguments: MetricsForm.allCases)
    func families(_ form: MetricsForm) throws {
        let (board, _) = try self.board()
        var family = ""
        var families: Set<String> = []
        for line in board.report.metrics(form).split(separator: "\n") where line != "# EOF" {
            let words = line.split(separator: " ")
            if words[0] == "#" {
                if words[1] == (form == .openMetrics ? "TYPE" : "HELP") {
                    family = String(words[2])
                    #expect(families.insert(family).inserted, "\(family) is there twice")
                }
                #expect(words[2] == family)
            } else {
                #expect(line.hasPrefix(family), "\(line)")
                #expect(Double(words.last ?? "") != nil, "\(line)")
            }
        }
    }

    #if Redis
    @Test("shows what is counted of a Redis, and nothing where there is none")
    func redis() throws {
        let (board, scoreboard) = try self.board()
        let registry = MetricsRegistry(scoreboard: scoreboard)
        #expect(registry.redis == nil && !board.report.metrics(.openMetrics).contains("redis"))
        #expect(board.report.json.text.contains("\"redis\":null"))
        for purpose in RedisEvent.Purpose.allCases {
            for _ in 0...purpose.rawValue { registry.count(.finished(purpose, nanoseconds: 2_000_000, isFailure: purpose == .change)) }
        }
        let others: [RedisEvent] = [.retried, .redirected, .redirected, .breakerOpened, .breakerOpened, .breakerOpened, .breakerClosed]
        for event in others { registry.count(event) }
        let figures = try #require(registry.redis)
        #expect(figures.commands.map(\.times.count) == Array(1...7) && figures.commands.map(\.failures) == [0, 0, 3, 0, 0, 0, 0])
        #expect(figures.retries == 1 && figures.redirections == 2 && figures.openedBreakers == 3 && figures.closedBreakers == 1)
        // No other number has moved.
        #expect(registry.route(MetricsRegistry.routeCount - 1).times.count == 0)
        let metrics = board.report.metrics(.openMetrics)
        for line in [
            "paranoid_redis_failures_total{purpose=\"change\"} 3", "paranoid_redis_command_seconds_count{purpose=\"other\"} 7",
            "paranoid_redis_retries_total 1", "paranoid_redis_redirections_total 2", "paranoid_redis_breakers_total{state=\"opened\"} 3",
        ] {
            #expect(metrics.contains(line + "\n"), "\(line)")
        }
        #expect(board.report.json.text.contains("\"breakers_opened\":3"))
    }
    #endif

    @Test("is beside the socket that is named, and else in the directories of the application")
    func place() throws {
        #expect(Directories.status(["PARANOID_LISTEN": "unix:/run/a/app.sock", "HOME": "/h"]) == "unix:/run/a/app.status.sock")
        #expect(Directories.status(["PARANOID_LISTEN": "unix:/run/a/app", "HOME": "/h"]) == "unix:/run/a/app.status.sock")
        #expect(Directories.status(["PARANOID_LISTEN": "127.0.0.1:9000", "HOME": "/h"]) == "unix:/h/.local/state/paranoid/status.sock")
        #expect(Directories.status(["PARANOID_SESSION_DIR": "/d/sessions", "HOME": "/h"]) == "unix:/d/status.sock")
        #expect(Directories.status(["RUNTIME_DIRECTORY": "/run/app", "HOME": "/h"]) == "unix:/run/app/status.sock")
        #expect(try ApplicationConfiguration(environment: ["HOME": "/h", "PARANOID_STATUS": "none"]).status == nil)
        #expect(ApplicationConfiguration(stateDirectory: "/s").status == nil, "settings made in code have none")
    }
}
