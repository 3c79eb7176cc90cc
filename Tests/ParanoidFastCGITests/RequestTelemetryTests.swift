import CoreMetrics
import InMemoryTracing
import Logging
import MetricsTestKit
import ParanoidHTTP
import Testing
import Tracing
import WorkerSupervisor

@testable import ParanoidFastCGI

@Suite("What is told of a request")
struct RequestTelemetryTests {
    private struct Broken: Error {}

    /// Has a request routed and answered.
    private func answer(
        _ path: String,
        method: String = "GET",
        parameters: KeyValuePairs<String, String> = [:],
        trace: RequestTrace? = nil,
        whileItRuns: @escaping @Sendable (Request) -> Void = { _ in }
    ) async -> Request {
        let router = Router()
        router.get("/users/{id}") { request in
            whileItRuns(request)
            return "user"
        }
        router.get("/broken") { _ -> String in throw Broken() }
        var request = Request(
            method: .init(method) ?? .get,
            rawPath: path,
            parameters: InMemoryParameters(parameters),
            logger: Logger(label: "test")
        )
        request.trace = trace
        let response = await ErrorResponder().response(to: request, of: router.freeze())
        trace?.note { $0.status = response.status.code }
        return request
    }

    @Test(
        "names it in the status as the application does, whoever has sent an identifier",
        arguments: ["4f1c0123-ab", "", "short", "evil\u{1B}[2J identifier", String(repeating: "x", count: 65)]
    )
    func identifier(_ sent: String) async throws {
        let context = try WorkerContext(alone: {})
        let monitor = RequestMonitor(context, slowRequest: nil, access: nil, logger: Logger(label: "test"))
        let trace = monitor.begin()
        let request = await self.answer("/users/7", parameters: ["REQUEST_ID": sent], trace: trace)
        let row = try #require(context.rows.all.first)
        #expect(row.text == "GET /users/{id} \(request.id)")
        #expect((request.id == sent) == (sent == "4f1c0123-ab"))
        #expect(request.logger[metadataKey: "request.id"] == "\(request.id)")
        monitor.end(trace)
        #expect(context.rows.all.isEmpty)
    }

    @Test("has an identifier of 32 digits that no other request has")
    func minted() async {
        var seen: Set<String> = []
        for _ in 0..<1000 {
            let request = await self.answer("/users/7")
            #expect(request.id.utf8.count == 32 && request.id.utf8.allSatisfy { $0.hexadecimalValue != nil })
            var bytes: [UInt8] = []
            request.lendIdentifier { lent in bytes = (0..<lent.byteCount).map { lent.byte(at: $0) } }
            #expect(String(decoding: bytes, as: UTF8.self) == request.id)
            seen.insert(request.id)
        }
        #expect(seen.count == 1000)
    }

    @Test("is a timer by method, pattern and status, and one for each phase; a path and an unknown method make none")
    func metrics() async throws {
        let backEnd = TestMetrics()
        let metrics = RequestMetrics(backEnd)
        for (path, method) in [("/users/7", "GET"), ("/users/8", "GET"), ("/secret/1", "GET"), ("/secret/2", "BREW"), ("/x", "FOO")] {
            let trace = RequestTrace { _, _ in }
            trace.add(5000, to: .read)
            _ = await self.answer(path, method: method, trace: trace)
            metrics.record(trace.facts, total: 1_000_000)
        }
        func timer(_ label: String, _ dimensions: [(String, String)]) throws -> [Int64] {
            try backEnd.expectTimer(label, dimensions).values
        }
        let users = [("http.request.method", "GET"), ("http.response.status_code", "200"), ("http.route", "/users/{id}")]
        #expect(try timer(RequestMetrics.duration, users) == [1_000_000, 1_000_000])
        #expect(try timer(RequestMetrics.phaseDuration, [("phase", "read"), ("http.route", "/users/{id}")]) == [5000, 5000])
        let others = [("http.request.method", "_OTHER"), ("http.response.status_code", "404")]
        #expect(try timer(RequestMetrics.duration, others).count == 2)
        #expect(backEnd.timers.allSatisfy { timer in timer.dimensions.allSatisfy { !$0.1.contains("secret") && !$0.1.contains("7") } })
    }

    @Test("is counted while it runs")
    func active() async throws {
        let backEnd = TestMetrics()
        let context = try WorkerContext(alone: {})
        let metrics = RequestMetrics(backEnd)
        let monitor = RequestMonitor(context, slowRequest: nil, access: nil, metrics: metrics, logger: Logger(label: "test"))
        let meter = try backEnd.expectMeter(RequestMetrics.active, [])
        let traces = (0..<3).map { _ in monitor.begin() }
        #expect(meter.lastValue == 3)
        // Also one that was no request.
        for trace in traces { monitor.end(trace) }
        #expect(meter.lastValue == 0)
    }

    @Test("is a counter by event, where something happens to its session")
    func sessionEvents() throws {
        let backEnd = TestMetrics()
        let metrics = SessionMetrics(backEnd)
        for kind in SessionEvent.Kind.allCases { for _ in 0...kind.rawValue.utf8.count { metrics.count(kind) } }
        for kind in SessionEvent.Kind.allCases {
            let counter = try backEnd.expectCounter(SessionMetrics.events, [("event", kind.rawValue)])
            #expect(counter.totalValue == Int64(kind.rawValue.utf8.count + 1))
        }
    }

    @Test("is no concern of metrics or tracing that nobody has set up")
    func nothing() {
        #expect(
            RequestMetrics.ofProcess() === nil && (RequestTracing.ofProcess().map { _ in 1 }) == nil && SessionMetrics.ofProcess() == nil
        )
    }

    @Test("is a span of the server below that of its caller, named by the pattern")
    func span() async throws {
        let tracer = InMemoryTracer()
        let tracing = RequestTracing(instrument: tracer, tracer: tracer)
        let trace = RequestTrace { _, _ in }
        let request = await self.answer(
            "/users/7",
            parameters: [
                "HTTP_IN_MEMORY_TRACE_ID": "trace-1", "HTTP_IN_MEMORY_SPAN_ID": "span-1", "SERVER_NAME": "example.org",
                "SERVER_PORT": "443",
            ],
            trace: trace
        )
        let span = tracing.begin(request)
        let inner = tracer.startSpan("inner", context: span.context)
        inner.end()
        #expect(tracer.finishedSpans.map(\.operationName) == ["inner"])
        tracing.end(span, trace)
        let finished = try #require(tracer.finishedSpans.last)
        #expect(finished.operationName == "GET /users/{id}" && finished.kind == .server)
        #expect(finished.traceID == "trace-1" && finished.parentSpanID == "span-1" && finished.errors.isEmpty)
        #expect(tracer.finishedSpans.first?.parentSpanID == finished.spanID)
        let attributes = finished.attributes
        #expect(attributes["http.request.method"]?.toSpanAttribute() == .string("GET"))
        #expect(attributes["http.route"]?.toSpanAttribute() == .string("/users/{id}"))
        #expect(attributes["url.path"]?.toSpanAttribute() == .string("/users/7"))
        #expect(attributes["http.response.status_code"]?.toSpanAttribute() == .int64(200))
        #expect(attributes["server.address"]?.toSpanAttribute() == .string("example.org"))
        #expect(attributes["server.port"]?.toSpanAttribute() == .int64(443))
    }

    @Test("is an error of the span when the handler fails, and none when the client does")
    func errors() async throws {
        let tracer = InMemoryTracer()
        let tracing = RequestTracing(instrument: tracer, tracer: tracer)
        for path in ["/broken", "/nothing"] {
            let trace = RequestTrace { _, _ in }
            let request = await self.answer(path, trace: trace)
            tracing.end(tracing.begin(request), trace)
        }
        let spans = tracer.finishedSpans
        #expect(spans.map(\.operationName) == ["GET /broken", "GET"])
        #expect(spans.map { $0.errors.count } == [1, 0])
        #expect(spans.first?.errors.first?.error is Broken)
        #expect(spans.first?.status?.code == .error && spans.last?.status == nil)
    }
}
