internal import ParanoidHTTP

// The status as OpenMetrics text (version 1.0.0), for Prometheus and others that scrape it.
extension StatusReport {
    /// The metrics, with the line that ends them.
    var openMetrics: String {
        var text = OpenMetricsText()
        text.family("paranoid_up_seconds", .gauge, "Time since the supervisor started.")
        text.sample("paranoid_up_seconds", self.uptimeSeconds)
        text.family("paranoid_ready", .gauge, "Whether requests are answered.")
        text.sample("paranoid_ready", self.isReady ? 1 : 0)
        text.family("paranoid_workers", .gauge, "Workers, serving and wanted.")
        text.sample("paranoid_workers", self.serving, [("state", "serving")])
        text.sample("paranoid_workers", self.wanted, [("state", "wanted")])
        text.family("paranoid_worker_deaths", .counter, "Workers that ended without being asked to.")
        text.sample("paranoid_worker_deaths_total", self.deaths)
        text.family("paranoid_reloads", .counter, "Reloads by their end.")
        text.sample("paranoid_reloads_total", self.finishedReloads, [("end", "finished")])
        text.sample("paranoid_reloads_total", self.abandonedReloads, [("end", "abandoned")])
        text.family("paranoid_requests", .counter, "Requests that were given to a handler.")
        text.sample("paranoid_requests_total", self.statistics.requests)
        text.family("paranoid_running_requests", .gauge, "Requests that run or wait for a thread.")
        text.sample("paranoid_running_requests", self.statistics.runningRequests)
        text.family("paranoid_open_connections", .gauge, "Connections that are open, idle ones included.")
        text.sample("paranoid_open_connections", self.statistics.openConnections)
        text.family("paranoid_responses", .counter, "Responses by the first digit of their status.")
        for (index, count) in self.responses.enumerated() { text.sample("paranoid_responses_total", count, [("class", "\(index + 1)xx")]) }
        text.family("paranoid_limits_reached", .counter, "How often each limit was reached.")
        for event in ServerStatistics.Event.allCases {
            text.sample("paranoid_limits_reached_total", self.statistics.count(of: event), [("limit", event.rawValue)])
        }
        text.family("paranoid_session_events", .counter, "What has happened to sessions.")
        for (kind, count) in self.sessionEvents { text.sample("paranoid_session_events_total", count, [("event", kind.rawValue)]) }
        self.appendTimes(to: &text)
        self.appendWorkers(to: &text)
        self.appendStore(to: &text)
        return text.finished
    }

    private func appendTimes(to text: inout OpenMetricsText) {
        text.family("paranoid_request_duration_seconds", .histogram, "Time from the first byte of a request to the end of its response.")
        for route in self.routes {
            text.histogram("paranoid_request_duration_seconds", route.times, [("method", route.method), ("route", route.pattern)])
        }
        text.family("paranoid_request_failures", .counter, "Responses with a status of 500 or more.")
        for route in self.routes {
            text.sample("paranoid_request_failures_total", route.failures, [("method", route.method), ("route", route.pattern)])
        }
        text.family("paranoid_request_phase_seconds", .histogram, "Time of requests by phase.")
        for (phase, times) in self.phases { text.histogram("paranoid_request_phase_seconds", times, [("phase", "\(phase)")]) }
    }

    private func appendWorkers(to text: inout OpenMetricsText) {
        text.family("paranoid_worker_requests", .counter, "Requests of the workers that are alive.")
        for worker in self.workers { text.sample("paranoid_worker_requests_total", worker.requests, worker.labels) }
        text.family("paranoid_worker_memory_bytes", .gauge, "Resident memory, shared libraries included.")
        for worker in self.workers {
            if let bytes = worker.memoryBytes { text.sample("paranoid_worker_memory_bytes", bytes, worker.labels) }
        }
    }

    private func appendStore(to text: inout OpenMetricsText) {
        text.family("paranoid_lock_wait_seconds", .histogram, "Time that requests waited for sessions which others held.")
        text.histogram("paranoid_lock_wait_seconds", self.lockWaits, [])
        text.family("paranoid_lock_waits_given_up", .counter, "Waits that ended without the session.")
        text.sample("paranoid_lock_waits_given_up_total", self.abandonedLockWaits)
        guard let sweep = self.sweep else { return }
        text.family("paranoid_sessions", .gauge, "Live sessions at the last sweep.")
        text.sample("paranoid_sessions", sweep.live - sweep.anonymous, [("user", "yes")])
        text.sample("paranoid_sessions", sweep.anonymous, [("user", "no")])
        text.family("paranoid_store_free_bytes", .gauge, "Bytes that can still be written.")
        if let bytes = sweep.bytesFree { text.sample("paranoid_store_free_bytes", bytes) }
        text.family("paranoid_store_free_inodes", .gauge, "Sessions that can still be made as far as inodes go.")
        if let inodes = sweep.inodesFree { text.sample("paranoid_store_free_inodes", inodes) }
        text.family("paranoid_sweep_age_seconds", .gauge, "Time since the last sweep.")
        text.sample("paranoid_sweep_age_seconds", sweep.secondsAgo)
    }
}

extension StatusReport.Worker {
    fileprivate var labels: [(String, String)] { [("worker", "\(self.slot)"), ("process", "\(self.process)")] }
}

/// OpenMetrics text as it grows.
private struct OpenMetricsText {
    enum Kind: String { case counter, gauge, histogram }

    private var lines: [String] = []

    /// Begins a family of metrics; its samples follow.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.lines.append("# TYPE \(name) \(kind.rawValue)")
        if name.hasSuffix("_seconds") { self.lines.append("# UNIT \(name) seconds") }
        if name.hasSuffix("_bytes") { self.lines.append("# UNIT \(name) bytes") }
        self.lines.append("# HELP \(name) \(help)")
    }

    mutating func sample(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
        self.lines.append("\(name)\(Self.text(labels)) \(value)")
    }

    mutating func histogram(_ name: String, _ times: MetricsRegistry.Histogram, _ labels: [(String, String)]) {
        var sum = 0
        for (bound, count) in zip(MetricsRegistry.bounds, times.counts) {
            sum += count
            self.sample("\(name)_bucket", sum, labels + [("le", Self.seconds(bound))])
        }
        self.sample("\(name)_bucket", times.count, labels + [("le", "+Inf")])
        self.lines.append("\(name)_sum\(Self.text(labels)) \(Self.seconds(times.microseconds))")
        self.sample("\(name)_count", times.count, labels)
    }

    var finished: String { (self.lines + ["# EOF", ""]).joined(separator: "\n") }

    private static func text(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Seconds with six decimals.
    private static func seconds(_ microseconds: Int) -> String {
        let fraction = "\(1_000_000 + microseconds % 1_000_000)".dropFirst()
        return "\(microseconds / 1_000_000).\(fraction)"
    }
}
