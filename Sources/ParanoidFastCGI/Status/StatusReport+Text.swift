internal import ParanoidHTTP
internal import ParanoidLinux
internal import ParanoidSessions

// The status as lines for a terminal, and as JSON.
extension StatusReport {
    /// The whole status as text.
    var text: String {
        var lines = [
            "\(self.phase): \(self.serving) of \(self.wanted) workers serve, supervisor \(self.process), up \(Self.time(self.uptimeSeconds))",
            "requests \(self.statistics.requests), running \(self.running), connections \(self.statistics.openConnections)"
                + (self.requestsPerSecond.map { ", \(Self.rounded($0)) a second" } ?? ""),
            "responses " + self.responses.enumerated().map { "\($0.offset + 1)xx \($0.element)" }.joined(separator: ", "),
            "limits " + Self.list(self.limits.map { ($0.event.rawValue, $0.count) }),
            "errors " + Self.list(self.errors.map { ($0.event.rawValue, $0.count) }),
            "verdicts " + Self.list(self.verdicts.map { ($0.verdict.rawValue, $0.count) }),
            "sessions " + Self.list(self.sessionEvents.map { ($0.kind.rawValue, $0.count) }),
            "alarms \(self.alarms); workers that died \(self.deaths); reloads finished \(self.finishedReloads), abandoned \(self.abandonedReloads)",
        ]
        if let note = self.lastReload { lines.append(note) }
        let waits = self.lockWaits
        lines.append(
            "waits for sessions \(waits.count)"
                + (waits.count > 0
                    ? ", mean \(Self.microseconds(waits.microseconds / waits.count)), 99 % below \(Self.quantile(waits, 0.99))" : "")
                + ", given up \(self.abandonedLockWaits)"
        )
        if let memory = self.memory {
            let used = memory.used.map { "\(Self.bytes($0)) of " } ?? ""
            lines.append("memory: \(used)\(Self.bytes(memory.bytes)) that are allowed")
        }
        if let sweep = self.sweep {
            var line =
                "store: live \(sweep.live), anonymous \(sweep.anonymous), removed \(sweep.removed), \(Self.time(sweep.secondsAgo)) ago"
            if let bytes = sweep.bytesFree { line += "; free \(Self.bytes(bytes))" }
            if let inodes = sweep.inodesFree { line += " and \(inodes) inodes" }
            lines.append(line)
        }
        if !self.routes.isEmpty { lines += ["", self.routeTable] }
        return (lines + ["", self.workerTable]).joined(separator: "\n") + "\n"
    }

    /// A line for each worker, and under it one for each request that runs.
    var workerTable: String {
        var rows = [["WORKER", "PROCESS", "STATE", "REQUESTS", "RUNNING", "AGE", "MEMORY", "LAST EXIT IN THIS PLACE"]]
        var below: [Int: [String]] = [:]
        for worker in self.workers {
            below[rows.count] = worker.rows.map { "    \($0.text) for \(Self.milliseconds($0.milliseconds))" }
            rows.append([
                "\(worker.slot)", "\(worker.process)", worker.state, "\(worker.requests)", "\(worker.running)",
                Self.time(worker.ageSeconds),
                worker.memoryBytes.map { Self.bytes($0) } ?? "-",
                worker.lastExit.map { "\($0.status), \(Self.time($0.secondsAgo)) ago" } ?? "-",
            ])
        }
        let lines = Self.columns(rows)
        return lines.enumerated().flatMap { [$0.element] + (below[$0.offset] ?? []) }.joined(separator: "\n")
    }

    private var routeTable: String {
        let rows = self.routes.map { route in
            [
                "\(route.method) \(route.pattern)", "\(route.times.count)", "\(route.failures)",
                Self.microseconds(route.times.microseconds / max(1, route.times.count)), Self.quantile(route.times, 0.5),
                Self.quantile(route.times, 0.99),
            ]
        }
        return Self.columns([["ROUTE", "REQUESTS", "FAILED", "MEAN", "HALF BELOW", "99 % BELOW"]] + rows).joined(separator: "\n")
    }

    /// The whole status as JSON.
    var json: JSONValue {
        .members([
            "process": .number(self.process), "uptime_seconds": .number(self.uptimeSeconds), "phase": .text(self.phase),
            "ready": .bool(self.isReady), "workers_serving": .number(self.serving), "workers_wanted": .number(self.wanted),
            "workers_died": .number(self.deaths), "reloads_finished": .number(self.finishedReloads),
            "reloads_abandoned": .number(self.abandonedReloads), "last_reload": self.lastReload.map { .text($0) } ?? .null,
            "requests": .number(self.statistics.requests),
            "running_requests": .number(self.running), "open_connections": .number(self.statistics.openConnections),
            "requests_per_second": self.requestsPerSecond.map { .decimal($0) } ?? .null,
            "responses": .object(
                self.responses.enumerated().map { JSONMember(name: "\($0.offset + 1)xx", value: .number($0.element)) }
            ),
            "limits": .object(self.limits.map { JSONMember(name: $0.event.rawValue, value: .number($0.count)) }),
            "errors": .object(self.errors.map { JSONMember(name: $0.event.rawValue, value: .number($0.count)) }),
            "verdicts": .object(self.verdicts.map { JSONMember(name: $0.verdict.rawValue, value: .number($0.count)) }),
            "session_events": .object(self.sessionEvents.map { JSONMember(name: $0.kind.rawValue, value: .number($0.count)) }),
            "alarms": .number(self.alarms),
            "lock_waits": .members([
                "count": .number(self.lockWaits.count), "given_up": .number(self.abandonedLockWaits),
                "microseconds": .number(self.lockWaits.microseconds),
                "seconds_99_percent_below": self.lockWaits.quantile(0.99).map { .decimal($0) } ?? .null,
            ]), "store": self.sweep.map(\.json) ?? .null, "redis": self.redisJSON,
            "memory": self.memory.map {
                .members(["limit_bytes": .number($0.bytes), "used_bytes": .optional($0.used)])
            } ?? .null,
            "routes": .list(
                self.routes.map { route in
                    .members([
                        "method": .text(route.method), "route": .text(route.pattern), "requests": .number(route.times.count),
                        "failures": .number(route.failures), "microseconds": .number(route.times.microseconds),
                        "seconds_half_below": route.times.quantile(0.5).map { .decimal($0) } ?? .null,
                        "seconds_99_percent_below": route.times.quantile(0.99).map { .decimal($0) } ?? .null,
                    ])
                }
            ),
            "workers": .list(self.workers.map(\.json)),
        ])
    }

    // MARK: Numbers for people

    static func quantile(_ times: MetricsRegistry.Histogram, _ part: Double) -> String {
        times.quantile(part).map { Self.microseconds(Int(($0 * 1_000_000).rounded())) } ?? "more than 10 s"
    }

    static func milliseconds(_ number: Int) -> String {
        number < 10_000 ? "\(number) ms" : Self.time(number / 1000)
    }

    static func microseconds(_ number: Int) -> String {
        switch number {
        case ..<1000: "\(number) µs"
        case ..<10_000: "\(Self.rounded(Double(number) / 1000)) ms"
        default: Self.milliseconds(number / 1000)
        }
    }

    static func time(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    static func bytes(_ number: Int) -> String {
        switch number {
        case ..<(10 << 20): "\(number >> 10) KiB"
        case ..<(10 << 30): "\(number >> 20) MiB"
        default: "\(number >> 30) GiB"
        }
    }

    static func rounded(_ number: Double) -> String {
        let tenths = Int((number * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private static func list(_ counts: [(String, Int)]) -> String {
        let texts = counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
        return texts.isEmpty ? "none" : texts.joined(separator: ", ")
    }

    private static func columns(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].utf8.count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: max(0, widths[column] - text.utf8.count))
            }
            .joined(separator: "  ")
        }
    }
}

extension StatusReport.Worker {
    /// The worker as JSON.
    var json: JSONValue {
        .members([
            "worker": .number(self.slot), "process": .number(self.process), "state": .text(self.state),
            "age_seconds": .number(self.ageSeconds), "requests": .number(self.requests), "running": .number(self.running),
            "connections": .number(self.connections), "memory_bytes": .optional(self.memoryBytes),
            "silence_seconds": self.silenceSeconds.map { .decimal($0) } ?? .null,
            "running_requests": .list(
                self.rows.map { .members(["request": .text($0.text), "milliseconds": .number($0.milliseconds)]) }
            ),
            "last_exit": self.lastExit.map { .members(["status": .text($0.status), "seconds_ago": .number($0.secondsAgo)]) } ?? .null,
        ])
    }
}

extension StatusReport.Sweep {
    fileprivate var json: JSONValue {
        .members([
            "live": .number(self.live), "anonymous": .number(self.anonymous), "removed": .number(self.removed),
            "skipped": .number(self.skipped), "bytes_free": .optional(self.bytesFree), "inodes_free": .optional(self.inodesFree),
            "seconds_ago": .number(self.secondsAgo),
        ])
    }
}
