internal import ParanoidFastCGITesting

/// The whole server from nginx to the session files, with times that each request brings along.
struct NginxTrial {
    let port: UInt16
    let isShort: Bool

    func run() -> CheckList {
        var checks = CheckList()
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
            Report.row("nginx and trace-server, paranoid", thief.name, figures)
            checks.expect(figures.ended >= figures.shared, "whoever shares a jar with its owner is found (\(thief.name))")
            if !self.isShort {
                let median = Thefts.Figures.quantile(figures.times, 0.5) ?? 0
                checks.expect(median <= thief.limit, "half of the thieves who \(thief.name) are found within \(thief.limit) s: \(median)")
            }
        }
        return checks
    }
}
