import ParanoidFastCGI
import ServiceLifecycle
import Synchronization
import UnixSignals

// Pages that behave badly on purpose, for the tests of recycling, sharing and deadlines, and short ones to load it with.

var configuration = ApplicationConfiguration.fromEnvironment()
let isService = configuration.environment["STRESS_AS_SERVICE"] == "1"
configuration.handlesSignals = !isService

let app = try Application(configuration: configuration)
app.get("/hello") { _ in "hello\n" }
app.get("/statistics") { [app] _ in try Response.json(app.statistics) }
app.get("/head") { request in
    var response = Response.text("a long head\n")
    try response.setHeader(String(repeating: "x", count: StressPages.number("bytes", of: request)), for: .init("X-Filling")!)
    return response
}
app.get("/worker") { _ in "\(WorkerIdentity.current.process)" }
app.post("/echo") { request in String(decoding: try await request.body.collect(), as: UTF8.self) }
app.post("/count", bodyLimit: 8 << 30) { request in
    var count = 0
    for try await bytes in request.body { count += bytes.count }
    return "\(count)"
}
app.post("/parts", bodyLimit: 8 << 30) { request in
    var lines: [String] = []
    for try await part in try request.multipart() {
        var count = 0
        for try await bytes in part { count += bytes.count }
        lines.append("\(part.name) \(count)")
    }
    return lines.joined(separator: "\n")
}
app.get("/zeros") { request in
    let count = StressPages.number("mb", of: request) << 20
    return Response(
        body: .stream(length: count) { writer in
            let piece = [UInt8](repeating: 0, count: 1 << 18)
            for _ in 0..<(count >> 18) { try await writer.write(piece) }
        }
    )
}
app.get("/events") { request in
    Response.events(for: request, heartbeat: .milliseconds(100)) { events in
        StressPages.waiting.add(1, ordering: .relaxed)
        defer { StressPages.waiting.subtract(1, ordering: .relaxed) }
        try await events.send("open", id: "1")
        try await Task.sleep(for: .seconds(600))
    }
}
let file = configuration.environment["STRESS_FILE"] ?? "/nonexistent"
app.get("/file") { request in
    var response = try Response.file(file, for: request)
    response.setDownload(named: "\u{FC}ber.bin")
    return response
}
let protected = AcceleratedFiles(location: "/protected/")
app.get("/handed-over/{path*}") { request in try protected.response(request.pathParameter("path") ?? "") }
app.post("/upload") { request in
    struct Upload: Decodable { var file: UploadedFile }
    let upload = try await request.decodeMultipart(Upload.self).file
    return "\(upload.fileName) \(upload.byteCount)"
}
app.get("/limited") { _ in "\(WorkerIdentity.current.process)" }
app.post("/login") { request in
    try await request.session.logIn(as: request.form().first(named: "user") ?? "")
    return Response.redirect(to: "/who")
}
app.get("/who") { request in "\(try await request.session.user ?? "nobody") \(request.link(to: "/who"))" }
app.get("/seen") { request in
    try Response.json([
        "secure": "\(request.isSecure)", "client": request.clientAddress, "path": request.path, "id": request.id,
        "query": request.query.first(named: "q") ?? "", "host": request.header(.init("Host")!) ?? "-",
        "mark": request.header(.init("X-Mark")!) ?? "-",
        "authorization": request.header(.authorization) ?? "-",
    ])
}
app.get("/timed", timeout: .milliseconds(50)) { _ in
    try await Task.sleep(for: .seconds(600))
    return "late"
}
app.gate("/gate")
if let count = configuration.environment["STRESS_RATE"].flatMap({ Int($0) }) {
    // A year, so that no window ends during a test.
    app.add(middleware: app.rateLimit(count, per: .seconds(31_536_000)) { $0.path == "/limited" ? $0.clientAddress : nil })
}
if let directory = configuration.environment["STRESS_STATIC"] { app.add(middleware: StaticFiles(directory, below: "/static")) }
if configuration.environment["STRESS_CORS"] != nil { app.add(middleware: CORS(origins: ["https://shop.example"])) }
app.post("/ignored") { _ in "ignored" }
app.get("/hold") { request in
    StressPages.block(milliseconds: StressPages.number("ms", of: request))
    return "held\n"
}
app.get("/waiting") { _ in "\(StressPages.waiting.load(ordering: .relaxed))" }
app.get("/wait") { request in
    StressPages.waiting.add(1, ordering: .relaxed)
    defer { StressPages.waiting.subtract(1, ordering: .relaxed) }
    try await Task.sleep(for: .milliseconds(StressPages.number("ms", of: request)))
    return "waited\n"
}
app.get("/ignore") { request in
    await StressPages.ignoreCancellation(milliseconds: StressPages.number("ms", of: request))
    return "ignored\n"
}
app.get("/grow") { request in
    StressPages.grow(megabytes: StressPages.number("mb", of: request))
    return "grown\n"
}

if isService {
    try await ServiceGroup(services: [app], gracefulShutdownSignals: [.sigterm], logger: app.logger).run()
} else {
    try await app.run()
}
