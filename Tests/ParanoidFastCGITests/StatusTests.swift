import Foundation
import ParanoidHTTP
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
        #expect(self.request(whole) == .page(path: "/status", acceptsHTML: true, acceptsJSON: false))
        #expect(self.request("GET / HTTP/1.0\n\n") == .page(path: "/", acceptsHTML: false, acceptsJSON: false))
        #expect(
            self.request("GET /a HTTP/1.1\r\naccept: application/json\r\n\r\n") == .page(path: "/a", acceptsHTML: false, acceptsJSON: true)
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
        func get(_ path: String, html: Bool = false, json: Bool = false) -> StatusResponse {
            board.response(.page(path: path, acceptsHTML: html, acceptsJSON: json))
        }
        #expect(get("/live").status == 200 && get("/ready").body == "ready: 1 of 1 workers serve\n")
        let page = get("/status", html: true)
        #expect(page.type.hasPrefix("text/html") && !page.body.contains("<script") && !page.body.contains("http://"))
        #expect(page.body.contains("GET /users/{id} &lt;id&gt;&amp;"))
        #expect(get("/status.txt").body.contains("    GET /users/{id} <id>& for "))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(get("/status", json: true).body.utf8)) as? [String: Any])
        #expect(json["requests"] as? Int == 7 && json["ready"] as? Bool == true)
        let metrics = get("/metrics").body
        #expect(metrics.contains("\nparanoid_requests_total 7\n") && metrics.hasSuffix("# EOF\n"))
        #expect(metrics.contains(#"paranoid_request_duration_seconds_bucket{method="-",route="-",le="0.002500"} 1"#))
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

    @Test("has metrics in which each sample follows the line of its family")
    func openMetrics() throws {
        let (board, _) = try self.board()
        var family = ""
        var families: Set<String> = []
        for line in board.report.openMetrics.split(separator: "\n") where line != "# EOF" {
            let words = line.split(separator: " ")
            if words[0] == "#" {
                if words[1] == "TYPE" {
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
