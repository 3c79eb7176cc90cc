internal import ParanoidHTTP
internal import ParanoidLinux

// The status as a page: no script, nothing from elsewhere; it loads itself anew every five seconds.
extension StatusReport {
    /// The page.
    var html: String {
        let title = "\(self.phase): \(self.serving) of \(self.wanted) workers serve"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark"><meta http-equiv="refresh" content="5">
            <title>\(HTMLText.escaped(title))</title><style>\(Self.style)</style></head><body>
            <header><h1><span class="dot \(self.isReady ? "good" : "bad")"></span>\(HTMLText.escaped(title))</h1>
            <p>Supervisor \(self.process), up \(Self.time(self.uptimeSeconds)), reloads \(self.finishedReloads) finished and \
            \(self.abandonedReloads) abandoned</p></header>
            <main>\(self.tiles)<section class="plots">\(self.plots)</section>
            <section><h2>Workers</h2>\(self.workerRows)</section><section><h2>Routes</h2>\(self.routeRows)</section>
            <section><h2>Phases</h2>\(self.phaseRows)</section>
            <div class="counts"><section><h2>Sessions</h2>\(Self.counts(self.sessionEvents.map { ($0.kind.rawValue, $0.count) }))</section>
            <section><h2>Verdicts</h2>\(Self.counts(self.verdicts.map { ($0.verdict.rawValue, $0.count) }))</section>
            <section><h2>Limits reached</h2>\(Self.counts(self.limits.map { ($0.event.rawValue, $0.count) }))</section>
            <section><h2>Refused and failed</h2>\(Self.counts(self.errors.map { ($0.event.rawValue, $0.count) }))</section></div>
            </main></body></html>

            """
    }

    // MARK: Parts

    private var tiles: String {
        var tiles: [(String, String, Bool)] = [
            ("requests a second", self.requestsPerSecond.map { Self.rounded($0) } ?? "-", false),
            ("requests", "\(self.statistics.requests)", false), ("running", "\(self.running)", false),
            ("connections", "\(self.statistics.openConnections)", false), ("responses 5xx", "\(self.responses[4])", self.responses[4] > 0),
            ("alarms", "\(self.alarms)", self.alarms > 0), ("workers died", "\(self.deaths)", self.deaths > 0),
        ]
        if let memory = self.memory {
            let used = memory.used.map { Self.bytes($0) } ?? "-"
            let isTight = (memory.used ?? 0) > memory.bytes / 10 * 9
            tiles.append(("of \(Self.bytes(memory.bytes)) of memory that are allowed", used, isTight))
        }
        if let sweep = self.sweep {
            tiles.append(("live sessions, \(sweep.anonymous) without a user, \(Self.time(sweep.secondsAgo)) ago", "\(sweep.live)", false))
            if let bytes = sweep.bytesFree { tiles.append(("free in the store", Self.bytes(bytes), false)) }
            if let inodes = sweep.inodesFree { tiles.append(("free inodes", "\(inodes)", false)) }
        }
        let texts = tiles.map { "<div class=\"tile\($0.2 ? " warn" : "")\"><b>\($0.1)</b><span>\($0.0)</span></div>" }
        return "<section class=\"tiles\">\(texts.joined())</section>"
    }

    private var plots: String {
        let pairs = zip(self.samples, self.samples.dropFirst())
        return Self.plot("requests a second", pairs.map { $1.rate(since: $0) ?? 0 })
            + Self.plot("running requests", self.samples.map { Double($0.running) })
            + Self.plot("responses 5xx in 5 s", pairs.map { Double($1.failures - $0.failures) })
    }

    private static func plot(_ name: String, _ values: [Double]) -> String {
        let top = max(values.max() ?? 0, 1)
        // Ten minutes are 120 samples; the newest stands at the right edge.
        let points = values.suffix(120).reversed().enumerated().map { index, value in
            "\(300 - Double(index) * 2.5),\(Self.rounded(76 - value / top * 70))"
        }
        return """
            <figure><figcaption><b>\(name)</b> at most \(Self.rounded(values.max() ?? 0)) in ten minutes</figcaption>\
            <svg viewBox="0 0 300 80" preserveAspectRatio="none" role="img" aria-label="\(name)"><line x1="0" y1="76" x2="300" y2="76"/>\
            <polyline points="\(points.joined(separator: " "))"/></svg></figure>
            """
    }

    private var workerRows: String {
        let head = ["worker", "process", "state", "requests", "running", "age", "memory", "last exit in this place"]
        var rows: [String] = []
        for worker in self.workers {
            let cells = [
                "\(worker.slot)", "\(worker.process)", "<span class=\"dot \(worker.isWell ? "good" : "bad")\"></span>\(worker.state)",
                "\(worker.requests)", "\(worker.running)", Self.time(worker.ageSeconds), worker.memoryBytes.map { Self.bytes($0) } ?? "-",
                HTMLText.escaped(worker.lastExit.map { "\($0.status), \(Self.time($0.secondsAgo)) ago" } ?? "-"),
            ]
            rows.append(Self.row(cells, head))
            for row in worker.rows {
                let isSlow = row.milliseconds >= 1000
                rows.append(
                    // The time first: where the identifier does not fit, it is what matters.
                    "<tr class=\"request\(isSlow ? " warn" : "")\"><td colspan=\"8\"><b>\(Self.milliseconds(row.milliseconds))</b> "
                        + "<code>\(HTMLText.escaped(row.text))</code></td></tr>"
                )
            }
        }
        return Self.table(head, rows)
    }

    private var routeRows: String {
        let head = ["route", "requests", "5xx", "mean", "half below", "99 % below"]
        let rows = self.routes.sorted { $0.times.microseconds > $1.times.microseconds }.map { route in
            let name = route.pattern == "-" ? "without a route" : "<code>\(HTMLText.escaped("\(route.method) \(route.pattern)"))</code>"
            return Self.row(
                [
                    name, "\(route.times.count)", "\(route.failures)",
                    Self.microseconds(route.times.microseconds / max(1, route.times.count)), Self.quantile(route.times, 0.5),
                    Self.quantile(route.times, 0.99),
                ],
                head
            )
        }
        return Self.table(head, rows)
    }

    private var phaseRows: String {
        let head = ["phase", "requests", "mean", "half below", "99 % below"]
        func row(_ name: String, _ times: MetricsRegistry.Histogram) -> String {
            let mean = Self.microseconds(times.microseconds / max(1, times.count))
            return Self.row([name, "\(times.count)", mean, Self.quantile(times, 0.5), Self.quantile(times, 0.99)], head)
        }
        var rows = self.phases.filter { $0.times.count > 0 }.map { row("\($0.phase)", $0.times) }
        if self.lockWaits.count > 0 { rows.append(row("waiting for a session, \(self.abandonedLockWaits) given up", self.lockWaits)) }
        return Self.table(head, rows)
    }

    private static func counts(_ counts: [(String, Int)]) -> String {
        let rows = counts.filter { $0.1 > 0 }.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }
        return rows.isEmpty ? "<p>none so far</p>" : "<dl>\(rows.joined())</dl>"
    }

    /// A row of a table; each cell says what it is, for a screen on which the head of the table has no room.
    private static func row(_ cells: [String], _ head: [String]) -> String {
        "<tr>\(zip(cells, head).map { "<td data-of=\"\($1)\">\($0)</td>" }.joined())</tr>"
    }

    private static func table(_ head: [String], _ rows: [String]) -> String {
        let cells = head.map { "<th>\($0)</th>" }.joined()
        return "<table><thead><tr>\(cells)</tr></thead><tbody>\(rows.joined())</tbody></table>"
    }

    // On a narrow screen a row of a table becomes a card: nothing scrolls sideways, as the page would be back at its left with each refresh.
    private static let style = """
        :root{--ground:#f5f6f8;--card:#fff;--text:#1b1f24;--soft:#5b6470;--line:#dde1e6;--blue:#2563eb;--good:#15803d;--bad:#b91c1c;--warn:#fff4e5}
        @media(prefers-color-scheme:dark){:root{--ground:#111418;--card:#1a1f25;--text:#e6e9ed;--soft:#9aa4b0;--line:#2c333c;--blue:#7aa7ff;\
        --good:#4ade80;--bad:#f87171;--warn:#3a2a12}}
        *{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--text);font:15px/1.45 system-ui,sans-serif}
        header,main{max-width:72rem;margin:0 auto;padding:1rem}header{padding-bottom:0}h1{font-size:1.25rem;margin:0}header p{margin:.25rem 0 0;\
        color:var(--soft)}h2{font-size:1rem;margin:0 0 .5rem}
        section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem;margin:0 0 1rem}
        .tiles,.plots,.counts{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));background:none;border:0;padding:0}
        .plots,.counts{grid-template-columns:repeat(auto-fit,minmax(15rem,1fr))}.counts section{margin:0}
        .tile,figure{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.6rem .8rem;margin:0}
        .tile b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}.tile span,figcaption,p{color:var(--soft);font-size:.85rem}
        figure{display:flex;flex-direction:column;justify-content:space-between}figcaption b{display:block;color:var(--text)}p{margin:0}
        .warn{background:var(--warn)}.dot{display:inline-block;width:.65em;height:.65em;border-radius:50%;margin-right:.45em;background:var(--bad)}
        .dot.good{background:var(--good)}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}th{color:var(--soft);\
        font-weight:600;font-size:.85rem}code{font-size:.9em;overflow-wrap:anywhere}svg{display:block;width:100%;height:80px;margin-top:.3rem}
        dl{display:grid;grid-template-columns:1fr auto;margin:0;font-variant-numeric:tabular-nums}dt,dd{margin:0;padding:.3rem 0;\
        border-bottom:1px solid var(--line)}dd{text-align:right}.request td{padding-left:.8rem}
        polyline{fill:none;stroke:var(--blue);stroke-width:2;vector-effect:non-scaling-stroke}line{stroke:var(--line)}
        @media(max-width:44rem){thead{display:none}tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(4.6rem,1fr));gap:.2rem .4rem;\
        padding:.5rem 0;align-items:end;font-size:.88rem;border-bottom:1px solid var(--line)}td{border:0;padding:0}\
        td:first-child,.request td{grid-column:1/-1;font-weight:600}.request td{font-weight:400}td[data-of^=last]{grid-column:span 2}\
        td[data-of=state]{white-space:pre}.request{padding:.3rem .6rem}\
        td[data-of]::before{content:attr(data-of);display:block;color:var(--soft);font-size:.7rem}\
        td[data-of]:first-child::before{content:attr(data-of)" ";display:inline;font-size:inherit;font-weight:400}}
        """
}

extension StatusReport.Worker {
    /// Whether it serves and shows that its threads run.
    fileprivate var isWell: Bool { self.state == "serving" && (self.silenceSeconds ?? 0) < 5 }
}
