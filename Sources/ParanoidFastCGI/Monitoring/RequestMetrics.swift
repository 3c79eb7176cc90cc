internal import CoreMetrics
internal import ParanoidHTTP
internal import ParanoidSessions
internal import Synchronization

/// The times of requests for the metrics back-end that the application has bootstrapped (`MetricsSystem.bootstrap`).
///
/// Names and dimensions are those of OpenTelemetry's semantic conventions for HTTP servers. A route is named by its pattern and never by a path,
/// and an unknown method is `_OTHER`, so that a client cannot make dimensions. Each process has a back-end of its own; the sums over all
/// processes are in ``MetricsRegistry``.
final class RequestMetrics: Sendable {
    /// The name of the times of requests.
    static let duration = "http.server.request.duration"
    /// The name of the number of requests that run.
    static let active = "http.server.active_requests"
    /// The name of the times of phases.
    static let phaseDuration = "paranoid.request.phase.duration"

    private struct Kind: Hashable {
        let method: KnownMethod
        let route: Int
        let status: Int
    }

    private struct Timers {
        var requests: [Kind: CoreMetrics.Timer] = [:]
        /// By route, the phases in their order.
        var phases: [Int: [CoreMetrics.Timer]] = [:]
    }

    private let factory: any MetricsFactory
    private let timers = Mutex(Timers())
    private let active: Meter

    /// Has times recorded by a back-end.
    init(_ factory: any MetricsFactory) {
        self.factory = factory
        self.active = Meter(label: Self.active, dimensions: [], factory: factory)
    }

    /// For the back-end of this process; `nil` without one.
    static func ofProcess() -> RequestMetrics? {
        let factory = MetricsSystem.factory
        return factory is NOOPMetricsHandler ? nil : RequestMetrics(factory)
    }

    /// Notes that a request runs.
    func begin() { self.active.increment() }

    /// Notes that a request no longer runs.
    func end() { self.active.decrement() }

    /// Records a request that is over.
    func record(_ facts: borrowing RequestTrace.Facts, total: Int64) {
        let kind = Kind(method: KnownMethod(facts.method), route: facts.routeNumber, status: facts.status)
        let route = facts.route
        let (timer, phases) = self.timers.withLock { timers in
            (self.timer(kind, route, in: &timers), self.phases(kind.route, route, in: &timers))
        }
        timer.recordNanoseconds(total)
        for phase in RequestTrace.Phase.all where facts[phase] > 0 { phases[phase.rawValue].recordNanoseconds(facts[phase]) }
    }

    private func timer(_ kind: Kind, _ route: String?, in timers: inout Timers) -> CoreMetrics.Timer {
        if let timer = timers.requests[kind] { return timer }
        var dimensions = [("http.request.method", kind.method.rawValue), ("http.response.status_code", "\(kind.status)")]
        if let route { dimensions.append(("http.route", route)) }
        let timer = CoreMetrics.Timer(label: Self.duration, dimensions: dimensions, factory: self.factory)
        timers.requests[kind] = timer
        return timer
    }

    private func phases(_ number: Int, _ route: String?, in timers: inout Timers) -> [CoreMetrics.Timer] {
        if let phases = timers.phases[number] { return phases }
        let phases = RequestTrace.Phase.all.map { phase in
            var dimensions = [("phase", "\(phase)")]
            if let route { dimensions.append(("http.route", route)) }
            return CoreMetrics.Timer(label: Self.phaseDuration, dimensions: dimensions, factory: self.factory)
        }
        timers.phases[number] = phases
        return phases
    }
}

/// The methods that have a name of their own in metrics and traces.
enum KnownMethod: String, Sendable, Hashable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
    case connect = "CONNECT"
    case trace = "TRACE"
    case other = "_OTHER"

    init(_ method: String) {
        self = Self(rawValue: method) ?? .other
    }
}

/// The events of sessions for the metrics back-end that the application has bootstrapped: a counter for each kind.
struct SessionMetrics: Sendable {
    /// The name of the counters.
    static let events = "paranoid.session.events"

    private let counters: [SessionEvent.Kind: Counter]

    /// Has events counted by a back-end.
    init(_ factory: any MetricsFactory) {
        var counters: [SessionEvent.Kind: Counter] = [:]
        for kind in SessionEvent.Kind.allCases {
            counters[kind] = Counter(label: Self.events, dimensions: [("event", kind.rawValue)], factory: factory)
        }
        self.counters = counters
    }

    /// For the back-end of this process; `nil` without one.
    static func ofProcess() -> SessionMetrics? {
        let factory = MetricsSystem.factory
        return factory is NOOPMetricsHandler ? nil : SessionMetrics(factory)
    }

    /// Counts an event.
    func count(_ kind: SessionEvent.Kind) { self.counters[kind]?.increment() }
}
