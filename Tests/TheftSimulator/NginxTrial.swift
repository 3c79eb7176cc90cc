internal import Foundation
internal import ParanoidFastCGITesting

/// The whole server from nginx to the session files, with times that each request brings along.
struct NginxTrial {
    let port: UInt16
    /// The log of the server; `nil` when nobody keeps one.
    let log: String?
    let isShort: Bool

    func run() -> CheckList {
        var checks = CheckList()
        var ended = 0
        let connection = HTTPConnection(port: self.port)
        // Sessions are played one after the other, each a day later than the one before.
        var day = 0.0
        func server(_ seed: UInt64) -> NginxServer {
            day += 86_400
            return NginxServer(connection, start: day)
        }

        print(Report.honestHead)
        let honest = Honest(wanted: self.isShort ? 3000 : 25_000)
        let figures = honest.run(server)
        Report.row("nginx and trace-server, paranoid", honest, figures)
        checks.expect(figures.requests >= honest.wanted, "\(figures.requests) requests were played")
        checks.expect(figures.thrownOut == 0, "no honest user is thrown out by the server")
        checks.expect(figures.refusals == 0, "and no request of theirs is refused: \(figures.refusals)")

        print(Report.thievesHead)
        for thief in KnownThief.all {
            let thefts = Thefts(sessions: self.isShort ? 5 : 50, waits: thief.waits, asksEvery: thief.asksEvery)
            let figures = thefts.run(server)
            ended += figures.ended
            Report.row("nginx and trace-server, paranoid", thief.name, figures)
            checks.expect(figures.ended >= figures.shared, "whoever shares a jar with its owner is found (\(thief.name))")
            if !self.isShort {
                let median = Thefts.Figures.quantile(figures.times, 0.5) ?? 0
                checks.expect(median <= thief.limit, "half of the thieves who \(thief.name) are found within \(thief.limit) s: \(median)")
            }
        }
        if let log = self.log { self.check(log, ended: ended, &checks) }
        return checks
    }

    /// The log has one alarm for each session that ended, and nothing else that deserves a warning.
    private func check(_ log: String, ended: Int, _ checks: inout CheckList) {
        guard let text = try? String(contentsOfFile: log, encoding: .utf8) else {
            checks.expect(false, "there is no log \(log)")
            return
        }
        let warnings = text.split(separator: "\n").filter { line in [" warning ", " error ", " critical "].contains { line.contains($0) } }
        let alarms = warnings.filter { $0.contains(" session.event=reuse ") }
        // Where root runs the tests, the start says so.
        let others = warnings.count { !$0.contains(" session.event=reuse ") && !$0.contains("the application serves as root") }
        print("\n\(ended) sessions were shared and ended; the log has \(alarms.count) alarms and \(others) other warnings")
        checks.expect(
            alarms.count == ended && others == 0,
            "one alarm for each session that ended, and no other warning:\n\(warnings.suffix(20).joined(separator: "\n"))"
        )
    }
}
