internal import ParanoidHTTP
internal import ParanoidLinux

// The status as metrics, for Prometheus and others that scrape it: OpenMetrics text (version 1.0.0), and the text form of Prometheus
// (version 0.0.4) for those that do not ask for the other.
extension StatusReport {
    /// The metrics in one of the two forms.
    func metrics(_ form: MetricsForm) -> String {
        var text = MetricsText(form)
        text.family("paranoid_up_seconds", .gauge, "Time since the supervisor started.")
        text.sample("paranoid_up_seconds", self.uptimeSeconds)
        text.family("paranoid_ready", .gauge, "Whether requests are answered.")
        text.sample("paranoid_ready", self.isReady ? 1 : 0)
        text.family("paranoid_workers", .gauge, "Workers, serving and wanted.")
        text.sample("paranoid_workers", self.serving, [("state", "serving")])
        text.sample("paranoid_workers", self.wanted, [("state", "wanted")])
        text.family("paranoid_worker_deaths", .counter, "Workers that ended without being asked to, or were stuck.")
        text.sample("paranoid_worker_deaths_total", self.deaths)
        text.family("paranoid_reloads", .counter, "Reloads by their end.")
        text.sample("paranoid_reloads_total", self.finishedReloads, [("end", "finished")])
        text.sample("paranoid_reloads_total", self.abandonedReloads, [("end", "abandoned")])
        text.family("paranoid_requests", .counter, "Requests that were given to a handler.")
        text.sample("paranoid_requests_total", self.statistics.requests)
        text.family("paranoid_running_requests", .gauge, "Requests that run or wait for a thread.")
        text.sample("paranoid_running_requests", self.running)
        text.family("paranoid_open_connections", .gauge, "Connections that are open, idle ones included.")
        text.sample("paranoid_open_connections", self.statistics.openConnections)
        text.family("paranoid_responses", .counter, "Responses by the first digit of their status.")
        for (index, count) in self.responses.enumerated() { text.sample("paranoid_responses_total", count, [("class", "\(index + 1)xx")]) }
        text.family("paranoid_limits_reached", .counter, "How often each limit was reached.")
        for (event, count) in self.limits { text.sample("paranoid_limits_reached_total", count, [("limit", event.rawValue)]) }
        text.family("paranoid_errors", .counter, "What was refused or has failed and is no limit.")
        for (event, count) in self.errors { text.sample("paranoid_errors_total", count, [("error", event.rawValue)]) }
        text.family("paranoid_verdicts", .counter, "How the guard has judged requests that used their sessions.")
        for (verdict, count) in self.verdicts { text.sample("paranoid_verdicts_total", count, [("verdict", verdict.rawValue)]) }
        text.family("paranoid_session_events", .counter, "What has happened to sessions.")
        for (kind, count) in self.sessionEvents { text.sample("paranoid_session_events_total", count, [("event", kind.rawValue)]) }
        self.appendTimes(to: &text)
        self.appendWorkers(to: &text)
        self.appendMemory(to: &text)
        self.appendStore(to: &text)
        #if Redis
        self.appendRedis(to: &text)
        #endif
        return text.finished
    }

    private func appendTimes(to text: inout MetricsText) {
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

    private func appendWorkers(to text: inout MetricsText) {
        text.family("paranoid_worker_requests", .counter, "Requests of the workers that are alive.")
        for worker in self.workers { text.sample("paranoid_worker_requests_total", worker.requests, worker.labels) }
        text.family("paranoid_worker_memory_bytes", .gauge, "Resident memory, shared libraries included.")
        for worker in self.workers {
            if let bytes = worker.memoryBytes { text.sample("paranoid_worker_memory_bytes", bytes, worker.labels) }
        }
    }

    private func appendMemory(to text: inout MetricsText) {
        guard let memory = self.memory else { return }
        text.family("paranoid_memory_limit_bytes", .gauge, "Memory that all processes are allowed together.")
        text.sample("paranoid_memory_limit_bytes", memory.bytes)
        guard let used = memory.used else { return }
        text.family("paranoid_memory_used_bytes", .gauge, "Memory in use of what is allowed, without file contents that can be dropped.")
        text.sample("paranoid_memory_used_bytes", used)
    }

    #if Redis
    private func appendRedis(to text: inout MetricsText) {
        guard let redis else { return }
        text.family("paranoid_redis_command_seconds", .histogram, "Time of commands to Redis, their repetitions included.")
        for command in redis.commands { text.histogram("paranoid_redis_command_seconds", command.times, [("purpose", command.purpose)]) }
        text.family("paranoid_redis_failures", .counter, "Commands to Redis that got no reply.")
        for command in redis.commands { text.sample("paranoid_redis_failures_total", command.failures, [("purpose", command.purpose)]) }
        text.family("paranoid_redis_retries", .counter, "Commands to Redis that were tried again.")
        text.sample("paranoid_redis_retries_total", redis.retries)
        text.family("paranoid_redis_redirections", .counter, "Nodes of a cluster that named another node.")
        text.sample("paranoid_redis_redirections_total", redis.redirections)
        text.family("paranoid_redis_breakers", .counter, "Nodes that a process stopped trying, and that answered again.")
        text.sample("paranoid_redis_breakers_total", redis.openedBreakers, [("state", "opened")])
        text.sample("paranoid_redis_breakers_total", redis.closedBreakers, [("state", "closed")])
    }
    #endif

    private func appendStore(to text: inout MetricsText) {
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

/// The text forms of metrics.
enum MetricsForm: Sendable, Hashable, CaseIterable {
    /// OpenMetrics, version 1.0.0.
    case openMetrics
    /// The form of Prometheus before it, version 0.0.4: a counter's family has the name of its samples, and there are no units.
    case prometheus

    var contentType: String {
        switch self {
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        }
    }
}

/// Metrics as they grow.
private struct MetricsText {
    enum Kind: String { case counter, gauge, histogram }

    private let form: MetricsForm
    private var lines: [String] = []

    init(_ form: MetricsForm) {
        self.form = form
    }

    /// Begins a family of metrics; its samples follow.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        switch self.form {
        case .openMetrics:
            self.lines.append("# TYPE \(name) \(kind.rawValue)")
            for unit in ["seconds", "bytes"] where name.hasSuffix("_\(unit)") { self.lines.append("# UNIT \(name) \(unit)") }
            self.lines.append("# HELP \(name) \(help)")
        case .prometheus:
            let name = kind == .counter ? "\(name)_total" : name
            self.lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(kind.rawValue)"]
        }
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

    var finished: String { (self.lines + (self.form == .openMetrics ? ["# EOF", ""] : [""])).joined(separator: "\n") }

    private static func text(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Seconds as OpenMetrics writes numbers: at least one decimal, and no zeros behind the others.
    private static func seconds(_ microseconds: Int) -> String {
        var decimals = "\(1_000_000 + microseconds % 1_000_000)".dropFirst()
        while decimals.utf8.count > 1, decimals.utf8.last == UInt8(ascii: "0") { decimals.removeLast() }
        return "\(microseconds / 1_000_000).\(decimals)"
    }
}
