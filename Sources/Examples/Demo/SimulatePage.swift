import ParanoidFastCGI
import ParanoidFastCGITesting

/// `GET /simulate`: honest visitors and thieves against the guard's rules, in virtual time, played while the visitor waits.
enum SimulatePage {
    static func register(on routes: some RouterMethods, settings: GuardSettings) {
        // The simulated network delays by up to 5 s, so the bound is the default one, whatever the demo's own is.
        var settings = settings
        settings.delayBound = GuardSettings().delayBound
        routes.get("/simulate") { [settings] request in
            let results = await SimulatedVisits(settings: settings).play()
            if request.query.first(named: "format") == "json" { return try Response.json(results) }
            let token = HomePage.randomToken()
            var response = Response.html(Self.page(results, token: token))
            try response.setHeader("no-store", for: .cacheControl)
            try response.setHeader(
                "default-src 'none'; style-src 'nonce-\(token)'; base-uri 'none'; frame-ancestors 'none'",
                for: .contentSecurityPolicy
            )
            return response
        }
    }

    private static func page(_ results: SimulatedVisits.Results, token: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>ParanoidFastCGI: owners and thieves</title>
        <style nonce="\(token)">\(HomePageStyle.text)
        table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .8rem .35rem 0;
        border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; } th { color: var(--soft); font-weight: 400; }</style>
        </head>
        <body>
        <header>
        <h1>Owners <span>and thieves</span></h1>
        <p>Played just now in this worker, in virtual time, against the rules that guard your session (D = \(results.delayBound) s).
        <a href="/">Back to your session</a></p>
        </header>
        <main>
        <section class="wide">
        <h2>Honest visitors</h2>
        <p>Two hours each, 1 to 6 tabs, bursts of four, pauses up to an hour, delays up to 5 s each way, 4 % of the answers lost, 1 % of the
        requests sent twice. Who is thrown out?</p>
        <table><thead><tr><th>Rules</th><th>Requests</th><th>Sessions</th><th>Thrown out</th></tr></thead><tbody>
        \(results.honest.map { "<tr><td>\($0.rules.escapedForHTML)</td><td>\($0.requests)</td><td>\($0.sessions)</td><td><b>\($0.thrownOut)</b></td></tr>" }.joined(separator: "\n"))
        </tbody></table>
        </section>
        <section class="wide">
        <h2>Thieves with a perfect copy</h2>
        <p>All cookies, the same address, the same browser. From when owner and thief have both been active: how long until both are out?</p>
        <table><thead><tr><th>The thief</th><th>Found out</th><th>Median</th><th>Worst</th><th>Answers the thief got (median)</th></tr></thead><tbody>
        \(results.thieves.map { "<tr><td>\($0.thief.escapedForHTML)</td><td>\($0.found) of \($0.sessions)</td><td><b>\($0.medianSeconds) s</b></td><td>\($0.worstSeconds) s</td><td>\($0.answers)</td></tr>" }.joined(separator: "\n"))
        </tbody></table>
        </section>
        </main>
        <footer><p>The long form, with a million requests and through nginx: <code>./Tests/run.sh thieves</code>.</p></footer>
        </body>
        </html>

        """
    }
}

/// A few sessions of honest visitors and of thieves, in the guard's own rules and in those of 2009.
struct SimulatedVisits: Sendable {
    /// What happened.
    struct Results: Encodable, Sendable {
        struct Honest: Encodable, Sendable {
            var rules: String
            var requests: Int
            var sessions: Int
            var thrownOut: Int
        }

        struct Thief: Encodable, Sendable {
            var thief: String
            var sessions: Int
            var found: Int
            var medianSeconds: Double
            var worstSeconds: Double
            var answers: Int
        }

        var delayBound: Int
        var honest: [Honest] = []
        var thieves: [Thief] = []
    }

    var settings: GuardSettings

    private static let thieves: [(name: String, waits: Double, asksEvery: Double)] = [
        ("asks every 0.3 s, in lock-step", 0.1, 0.3), ("asks every 2 s", 1, 2), ("asks every 20 s", 5, 20),
        ("comes back after ten minutes", 600, 5),
    ]

    /// Plays everything; other requests get their turn between any two sessions.
    func play() async -> Results {
        var results = Results(delayBound: Int(self.settings.delayBound.components.seconds))
        let compatible = GuardSettings(profile: .compatible)
        let paranoid = self.settings.profile.isCompatible ? GuardSettings() : self.settings
        for (rules, settings, wanted) in [("paranoid", paranoid, 2000), ("compatible: the package of 2009", compatible, 400)] {
            let honest = Honest(wanted: wanted)
            var figures = Honest.Figures()
            while honest.playsOn(after: figures) {
                honest.playOne(&figures) { GuardServer(settings: settings, seed: $0) }
                await Task.yield()
            }
            results.honest.append(
                .init(rules: rules, requests: figures.requests, sessions: figures.sessions, thrownOut: figures.thrownOut)
            )
        }
        for thief in Self.thieves {
            let thefts = Thefts(sessions: 9, waits: thief.waits, asksEvery: thief.asksEvery)
            var figures = Thefts.Figures()
            for session in 0..<thefts.sessions {
                thefts.playOne(session, &figures) { GuardServer(settings: paranoid, seed: $0) }
                await Task.yield()
            }
            results.thieves.append(self.row(thief.name, figures))
        }
        return results
    }

    private func row(_ name: String, _ figures: Thefts.Figures) -> Results.Thief {
        func rounded(_ part: Double) -> Double { ((Thefts.Figures.quantile(figures.times, part) ?? 0) * 10).rounded() / 10 }
        return Results.Thief(
            thief: name,
            sessions: figures.shared,
            found: figures.ended,
            medianSeconds: rounded(0.5),
            worstSeconds: rounded(1),
            answers: Int(Thefts.Figures.quantile(figures.answers, 0.5) ?? 0)
        )
    }
}
