package import Logging
package import ParanoidHTTP
internal import ParanoidLinux
internal import Synchronization
package import WorkerSupervisor

/// Measures the requests of this process: shows on the scoreboard which ones run, and counts them when they end.
///
/// As long as a request is shown, its row says method, route and identifier; never a path, which may name a person.
package final class RequestMonitor: Sendable {
    private let rows: ScoreboardRows
    private let registry: MetricsRegistry
    private let slowRequest: Duration?
    private let access: AccessLog?
    private let metrics: RequestMetrics?
    /// Makes the spans of requests; `nil`: nobody wants them.
    let tracing: RequestTracing?
    private let logger: Logger
    /// A bit for each row that is taken.
    private let taken: RowMarks
    private let spare = SparePlaces()

    /// Begins with rows that are all free, for who wants no metrics and no spans.
    package convenience init(_ context: WorkerContext, access: AccessLog?, logger: Logger) {
        self.init(context, slowRequest: nil, access: access, metrics: nil, logger: logger)
    }

    /// Begins with rows that are all free.
    init(
        _ context: WorkerContext,
        slowRequest: Duration?,
        access: AccessLog?,
        metrics: RequestMetrics? = nil,
        tracing: RequestTracing? = nil,
        logger: Logger
    ) {
        self.metrics = metrics
        self.tracing = tracing
        self.rows = context.rows
        self.registry = MetricsRegistry(scoreboard: context.scoreboard)
        self.slowRequest = slowRequest
        self.access = access
        self.logger = logger
        self.taken = RowMarks()
    }

    deinit {
        unsafe self.spare.takeAll { trace in unsafe Unmanaged<RequestTrace>.fromOpaque(trace).release() }
    }

    /// Begins to measure a request.
    package func begin() -> RequestTrace {
        self.metrics?.begin()
        guard let kept = unsafe self.spare.take() else {
            let (rows, marks, access, isSlowLogged) = (self.rows, self.taken, self.access, self.slowRequest != nil)
            return RequestTrace { trace, request in
                if access != nil || isSlowLogged { Self.keep(trace, request, access) }
                Self.show(trace, request, in: rows, marks)
            }
        }
        let trace = unsafe Unmanaged<RequestTrace>.fromOpaque(kept).takeRetainedValue()
        trace.reset()
        return trace
    }

    /// Notes what lines of the log need and nobody can ask the request for when it is over.
    private static func keep(_ trace: RequestTrace, _ request: Request, _ access: AccessLog?) {
        let identifier = request.id
        trace.note { facts in
            facts.identifier = identifier
            access?.keep(request, in: &facts)
        }
    }

    private static func show(_ trace: RequestTrace, _ request: Request, in rows: ScoreboardRows, _ marks: RowMarks) {
        guard let row = marks.take() else { return }
        trace.row.store(row, ordering: .relaxed)
        var text = ScoreboardRows.Text()
        text.append(request.method.rawValue)
        text.append(UInt8(ascii: " "))
        text.append(request.route ?? "-")
        text.append(UInt8(ascii: " "))
        request.lendIdentifier { text.append($0) }
        rows.write(row, since: CoarseClock.now(), text: text)
    }

    /// Says in the log which request is cancelled.
    func noteCancellation(of trace: RequestTrace) {
        let facts = trace.facts
        let row = trace.row.load(ordering: .relaxed)
        var metadata: Logger.Metadata = ["http.method": "\(facts.method)", "http.route": "\(facts.route ?? "-")"]
        if row >= 0, let text = self.rows.text(ofRow: row) { metadata["request"] = "\(text)" }
        self.logger.warning("a request took too long and was cancelled", metadata: metadata)
    }

    /// Counts a request that is over, and writes it into the logs that are on.
    package func end(_ trace: RequestTrace) {
        let row = trace.row.exchange(-1, ordering: .relaxed)
        if row >= 0 {
            self.rows.end(row)
            self.taken.give(row)
        }
        let (seconds, attoseconds) = trace.withFacts { $0.start }.duration(to: .now).components
        let busy = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        trace.note { $0.closeHandler(busy: busy) }
        let total = trace.withFacts { facts in
            let total = busy + facts[.queued]
            self.registry.count(facts, total: total)
            return total
        }
        self.metrics?.end()
        let isSlow = self.slowRequest.map { total >= $0.wholeNanoseconds } ?? false
        if isSlow || self.isTold { self.tell(trace.facts, total: total, isSlow: isSlow) }
        let kept = unsafe Unmanaged.passRetained(trace)
        if unsafe !self.spare.give(kept.toOpaque()) { unsafe kept.release() }
    }

    /// Whether somebody is told of each request.
    private var isTold: Bool { self.metrics != nil || self.access != nil }

    private func tell(_ facts: RequestTrace.Facts, total: Int64, isSlow: Bool) {
        if isSlow { self.noteSlow(facts, total: total) }
        // Without a method it was no request.
        guard !facts.method.isEmpty else { return }
        self.metrics?.record(facts, total: total)
        self.access?.write(facts, total: total)
    }

    private func noteSlow(_ facts: RequestTrace.Facts, total: Int64) {
        var slowest = RequestTrace.Phase.handler
        for phase in RequestTrace.Phase.all where facts[phase] > facts[slowest] { slowest = phase }
        var metadata: Logger.Metadata = [
            "http.method": "\(facts.method)", "http.route": "\(facts.route ?? "-")", "http.status": .stringConvertible(facts.status),
            "request.milliseconds": .stringConvertible(total / 1_000_000), "request.slowest": "\(slowest)",
        ]
        for phase in RequestTrace.Phase.all { metadata["request.\(phase)"] = .stringConvertible(facts[phase] / 1_000_000) }
        if !facts.identifier.isEmpty { metadata["request.id"] = "\(facts.identifier)" }
        if !facts.session.isEmpty { metadata["session.handle"] = "\(facts.session)" }
        self.logger.warning("a request was slow", metadata: metadata)
    }
}

extension Application {
    /// What measures requests; `nil` when nobody wants to know.
    func makeMonitor(_ context: WorkerContext) throws(ConfigurationError) -> RequestMonitor? {
        let access = try self.configuration.openAccessLog()
        self.accessLog = access
        let (metrics, tracing) = (RequestMetrics.ofProcess(), RequestTracing.ofProcess())
        let isWanted = access != nil || self.configuration.slowRequest != nil || metrics != nil || tracing != nil
        guard self.configuration.status != nil || isWanted else { return nil }
        return RequestMonitor(
            context,
            slowRequest: self.configuration.slowRequest,
            access: access,
            metrics: metrics,
            tracing: tracing,
            logger: self.logger
        )
    }
}

/// Which rows are taken: a bit for each.
private final class RowMarks: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// Takes a row; `nil` when none is free.
    func take() -> Int? {
        while true {
            let bits = self.bits.load(ordering: .relaxed)
            guard bits != .max else { return nil }
            let row = (~bits).trailingZeroBitCount
            let (exchanged, _) = self.bits.compareExchange(expected: bits, desired: bits | 1 << UInt64(row), ordering: .acquiring)
            if exchanged { return row }
        }
    }

    func give(_ row: Int) {
        self.bits.bitwiseAnd(~(1 << UInt64(row)), ordering: .releasing)
    }
}
