import CoreMetrics
import Foundation
import InMemoryTracing
import MetricsTestKit
import ParanoidFastCGI
import ServiceLifecycle
import Tracing

// A program whose hooks and services write down when they run: a line each with its process in the file LIFE_FILE.
// LIFE_TELEMETRY has it measured and traced in the memory of each worker, which /telemetry shows.
// LIFE_FAILURE names what fails: main, supervisor, first-worker (once) or service.

struct Failure: Error, CustomStringConvertible {
    var description: String { "it fails\non purpose" }
}

struct Notes: Sendable {
    var path: String
    var failure: String

    func note(_ text: String) throws {
        let descriptor = unsafe open(self.path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        defer { close(descriptor) }
        let line = Array("\(text) \(getpid())\n".utf8)
        guard unsafe write(descriptor, line, line.count) == line.count else { throw Failure() }
    }

    func fail(_ what: String) throws {
        if self.failure == what { throw Failure() }
    }

    /// Whether a line was written by any process.
    func holds(_ text: String) -> Bool {
        (try? String(contentsOfFile: self.path, encoding: .utf8))?.contains(text) ?? false
    }
}

struct NotingService: Service {
    var name: String
    var notes: Notes

    func run() async throws {
        try self.notes.note("\(self.name) begins")
        if self.name == "service", self.notes.failure == "service", !self.notes.holds("service fails") {
            while !self.notes.holds("go on") { try await Task.sleep(for: .milliseconds(10)) }
            try self.notes.note("service fails")
            throw Failure()
        }
        try? await gracefulShutdown()
        try self.notes.note("\(self.name) ends")
    }
}

await Application.main { app in
    let environment = ProcessInfo.processInfo.environment
    let notes = Notes(path: environment["LIFE_FILE"] ?? "/dev/null", failure: environment["LIFE_FAILURE"] ?? "")
    try notes.note("main as \(app.role)")
    try notes.fail("main")
    app.onStart(.supervisor) {
        try notes.fail("supervisor")
        try notes.note("supervisor starts")
    }
    app.onStart(.worker) {
        if notes.failure == "first-worker", !notes.holds("worker fails") {
            try notes.note("worker fails")
            throw Failure()
        }
        try notes.note("worker starts")
    }
    app.onStart(.alone) { try notes.note("alone starts") }
    app.onStop(.worker) { try notes.note("worker stops") }
    app.onStop(.worker) { try notes.note("worker stops first") }
    app.onStop(.supervisor) { try notes.note("supervisor stops") }
    app.add(service: NotingService(name: "service", notes: notes))
    app.add(service: NotingService(name: "single service", notes: notes), in: .supervisor)
    if environment["LIFE_TELEMETRY"] != nil {
        let metrics = TestMetrics()
        let tracer = InMemoryTracer()
        MetricsSystem.bootstrap(metrics)
        InstrumentationSystem.bootstrap(tracer)
        app.get("/traced/{name}") { _ in withSpan("inside") { _ in "traced\n" } }
        app.get("/telemetry") { _ in
            func text(_ dimensions: [(String, String)]) -> String { dimensions.map { " \($0.0)=\($0.1)" }.joined() }
            let spans = tracer.finishedSpans.filter { !$0.operationName.hasSuffix("/telemetry") }.map { span in
                var attributes: [(String, String)] = []
                for name in ["http.route", "paranoid.request.role"] {
                    if case .string(let value) = span.attributes[name]?.toSpanAttribute() { attributes.append((name, value)) }
                }
                if case .int64(let value) = span.attributes["http.response.status_code"]?.toSpanAttribute() {
                    attributes.append(("http.response.status_code", "\(value)"))
                }
                return
                    "span \(span.operationName) \(span.traceID) \(span.parentSpanID ?? "-") errors=\(span.errors.count)\(text(attributes))\n"
            }
            let timers = metrics.timers.map { "timer \($0.label)\(text($0.dimensions)): \($0.values.count)\n" }
            let counters = metrics.counters.filter { $0.totalValue > 0 }.map {
                "counter \($0.label)\(text($0.dimensions)): \($0.totalValue)\n"
            }
            let meters = metrics.meters.map { "meter \($0.label)\(text($0.dimensions)): \(Int($0.lastValue ?? 0))\n" }
            return "process \(getpid())\n" + (spans + timers + counters + meters).joined()
        }
        app.get("/broken/{name}") { _ -> String in throw Failure() }
        app.post("/login") { request in
            try await request.session.logIn(as: request.form().first(named: "user") ?? "")
            return "logged in\n"
        }
        app.gate("/gate")
    }
    app.get("/hello") { _ in "hello\n" }
    app.get("/status/{form}") { request in
        guard let form = request.pathParameter("form").flatMap(Application.StatusForm.init) else { throw HTTPError(.notFound) }
        return try app.status(form)
    }
    app.get("/served") { _ in
        try notes.note("served")
        return "served\n"
    }
}
