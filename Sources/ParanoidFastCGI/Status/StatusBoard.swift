internal import ParanoidHTTP
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization
internal import WorkerSupervisor

/// Everything that the status of an application is made of, as its first process knows it.
final class StatusBoard: Sendable {
    /// Ten minutes.
    private static let sampleCount = 120

    private let registry: MetricsRegistry
    private let supervisor: SupervisorStatus?
    private let routes: [(method: String, pattern: String)]
    private let settings: String
    private let probes: ProbeWindow?
    private let memory: @Sendable () -> UsableMemory
    private let startedAt = CoarseClock.now()
    private let samples = Mutex<[StatusReport.Sample]>([])
    private let lastSweep = Mutex<(report: SweepReport, at: Int64)?>(nil)

    /// - Parameters:
    ///   - scoreboard: What the workers say.
    ///   - supervisor: How they are; `nil` in a process that serves alone.
    ///   - routes: The routes by their numbers.
    ///   - settings: Lines that tell the command-line tool where the application's files are.
    ///   - givesProbes: Whether the doctor may ask for a token here.
    ///   - memory: Finds out what memory the application is allowed.
    init(
        _ scoreboard: Scoreboard,
        supervisor: SupervisorStatus?,
        routes: [(method: String, pattern: String)],
        settings: String = "",
        givesProbes: Bool = false,
        memory: @escaping @Sendable () -> UsableMemory = { .ofThisProcess() }
    ) {
        self.memory = memory
        self.probes = givesProbes ? ProbeWindow(scoreboard: scoreboard) : nil
        self.registry = MetricsRegistry(scoreboard: scoreboard)
        self.supervisor = supervisor
        self.routes = routes
        self.settings = settings
    }

    /// Takes note of a sweep.
    func note(_ sweep: SweepReport) {
        self.lastSweep.withLock { $0 = (sweep, CoarseClock.now()) }
    }

    /// Notes the load of this moment, for the plots.
    func sample() {
        let totals = self.registry.scoreboard.totals
        let sample = StatusReport.Sample(
            seconds: Double(CoarseClock.now()) / 1e9,
            requests: totals.servedRequests,
            failures: self.registry.responses(ofClass: 5),
            running: totals.runningRequests,
            connections: totals.openConnections
        )
        self.samples.withLock { samples in
            samples.append(sample)
            if samples.count > Self.sampleCount { samples.removeFirst(samples.count - Self.sampleCount) }
        }
    }

    /// Answers a request to the status socket.
    func response(_ request: StatusRequest) -> StatusResponse {
        switch request {
        case .incomplete: .plain(400)
        case .refused(let status): .plain(status)
        case .page("/live", _): StatusResponse(body: "live\n")
        case .page("/ready", _): self.readiness
        case .page("/status", let accepted) where accepted.contains(.html): self.page
        case .page("/", _), .page("/status.html", _): self.page
        case .page("/status", let accepted) where accepted.contains(.json): Self.json(self.report.json)
        case .page("/status.json", _): Self.json(self.report.json)
        case .page("/status", _), .page("/status.txt", _): StatusResponse(body: self.report.text)
        case .page("/workers.txt", _): StatusResponse(body: self.report.workerTable + "\n")
        case .page("/workers.json", _): Self.json(.list(self.report.workers.map(\.json)))
        case .page("/metrics", let accepted): self.metrics(accepted.contains(.openMetrics) ? .openMetrics : .prometheus)
        case .page("/reloads", _):
            StatusResponse(
                body:
                    "\(self.report.phase) \(self.report.finishedReloads) \(self.report.abandonedReloads)\n\(self.report.lastReload ?? "")\n"
            )
        case .page("/probe", _): self.probes.map { StatusResponse(body: $0.open() + "\n") } ?? .plain(404)
        case .page("/memory", _): StatusResponse(body: self.memoryLine)
        case .page("/settings", _): StatusResponse(body: self.settings)
        case .page: .plain(404)
        }
    }

    private var page: StatusResponse { StatusResponse(type: "text/html; charset=utf-8", body: self.report.html) }

    private func metrics(_ form: MetricsForm) -> StatusResponse {
        StatusResponse(type: form.contentType, body: self.report.metrics(form))
    }

    private static func json(_ value: JSONValue) -> StatusResponse { StatusResponse(type: "application/json", body: value.text + "\n") }

    /// The limit, what is used of it, and how many workers use it, for the doctor.
    private var memoryLine: String {
        let report = self.report
        let (limit, used) = (report.memory.map { "\($0.bytes)" } ?? "-", report.memory?.used.map { "\($0)" } ?? "-")
        return "\(limit) \(used) \(report.workers.count)\n"
    }

    private var readiness: StatusResponse {
        let report = self.report
        let text = "\(report.serving) of \(report.wanted) workers serve"
        return report.isReady
            ? StatusResponse(body: "ready: \(text)\n") : StatusResponse(status: 503, body: "not ready (\(report.phase)): \(text)\n")
    }

    /// How things are now.
    var report: StatusReport {
        let now = CoarseClock.now()
        let snapshot = self.supervisor?.snapshot
        let scoreboard = self.registry.scoreboard
        let workers = snapshot.map { snapshot in
            snapshot.workers.sorted { ($0.identifier.slot, $0.identifier.serial) < ($1.identifier.slot, $1.identifier.serial) }
                .map { self.worker($0, exit: snapshot.exits[$0.identifier.slot], at: now) }
        }
        let alone = SupervisorStatus.Worker(
            identifier: WorkerIdentifier(slot: 0, serial: 0),
            generation: 0,
            process: CInt(ProcessFacts.processID),
            startedAt: self.startedAt
        )
        let own = workers ?? [self.worker(alone, exit: nil, at: now)]
        let waits = self.registry.lockWaits
        let report = StatusReport(
            process: ProcessFacts.processID,
            uptimeSeconds: Int((now - self.startedAt) / 1_000_000_000),
            phase: Self.word(snapshot?.state?.phase, isAlone: self.supervisor == nil),
            serving: snapshot?.state?.serving ?? own.count { $0.state == "serving" },
            wanted: snapshot?.state?.wanted ?? 1,
            finishedReloads: snapshot?.finishedReloads ?? 0,
            abandonedReloads: snapshot?.abandonedReloads ?? 0,
            lastReload: snapshot?.state?.lastReload.text,
            deaths: snapshot?.deaths ?? 0,
            workers: own,
            statistics: ServerStatistics(scoreboard),
            responses: (1...5).map { self.registry.responses(ofClass: $0) },
            routes: self.routeReports,
            phases: RequestTrace.Phase.allCases.map { ($0, self.registry.histogram(of: $0)) },
            verdicts: GuardVerdict.allCases.map { ($0, self.registry.count(of: $0)) },
            sessionEvents: SessionEvent.Kind.allCases.map { ($0, self.registry.count(of: $0)) },
            lockWaits: waits.times,
            abandonedLockWaits: waits.givenUp,
            sweep: self.sweepReport(at: now),
            memory: self.memory().limit,
            samples: self.samples.withLock { $0 }
        )
        #if Redis
        var counted = report
        counted.redis = self.registry.redis
        return counted
        #else
        return report
        #endif
    }

    private func worker(_ worker: SupervisorStatus.Worker, exit: SupervisorStatus.Exit?, at now: Int64) -> StatusReport.Worker {
        let slot = self.registry.scoreboard.slot(worker.identifier.slot, generation: worker.generation)
        let rows = self.registry.scoreboard.rows(worker.identifier.slot, generation: worker.generation).all
        return StatusReport.Worker(
            slot: worker.identifier.slot,
            process: Int(worker.process),
            state: slot.state == .serving ? "serving" : slot.state == .draining ? "draining" : "starting",
            ageSeconds: Int((now - worker.startedAt) / 1_000_000_000),
            requests: slot.servedRequests,
            running: max(slot.runningRequests, rows.count),
            connections: slot.openConnections,
            memoryBytes: ProcessFacts.residentBytes(of: worker.process),
            silenceSeconds: slot.lastSignOfLife == 0 ? nil : Double(max(0, now - slot.lastSignOfLife)) / 1e9,
            rows: rows.map { StatusReport.Row(text: $0.text, milliseconds: Int(max(0, now - $0.since) / 1_000_000)) },
            lastExit: exit.map { StatusReport.Exit(status: $0.status, secondsAgo: Int((now - $0.at) / 1_000_000_000)) }
        )
    }

    private var routeReports: [StatusReport.Route] {
        let last = MetricsRegistry.routeCount - 1
        return (0...min(self.routes.count, last)).compactMap { number in
            let (times, failures) = self.registry.route(number)
            guard times.count > 0 else { return nil }
            let name = number == 0 ? ("-", "-") : number == last ? ("-", "…") : self.routes[number - 1]
            return StatusReport.Route(method: name.0, pattern: name.1, times: times, failures: failures)
        }
    }

    private func sweepReport(at now: Int64) -> StatusReport.Sweep? {
        guard let (report, at) = self.lastSweep.withLock({ $0 }) else { return nil }
        return StatusReport.Sweep(
            live: report.live,
            anonymous: report.anonymous,
            removed: report.removed,
            skipped: report.skipped,
            bytesFree: report.bytesFree.map { Int($0) },
            inodesFree: report.inodesFree.map { Int($0) },
            secondsAgo: Int((now - at) / 1_000_000_000)
        )
    }

    private static func word(_ phase: SystemdStatus.Phase?, isAlone: Bool) -> String {
        switch phase {
        case .running: "running"
        case .reloading: "reloading"
        case .stopping: "stopping"
        case nil: isAlone ? "running" : "starting"
        }
    }
}
