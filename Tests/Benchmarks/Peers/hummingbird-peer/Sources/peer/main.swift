import Hummingbird

// hello, and a counter in a session of MemoryPersistDriver found by a cookie; listens on 127.0.0.1:PORT.

struct SessionData: Codable, Sendable {
    var hits: Int
}

let port = CommandLine.arguments.count == 2 ? Int(CommandLine.arguments[1]) ?? 0 : 0
let sessions = MemoryPersistDriver()
let router = Router()

router.get("/hello") { _, _ in
    Response(
        status: .ok,
        headers: [.contentType: "text/plain; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: "hello\n"))
    )
}
router.get("/counter") { request, _ in
    let known = request.cookies["session"]?.value
    let identifier = known ?? String(UInt64.random(in: .min ... .max), radix: 16) + String(UInt64.random(in: .min ... .max), radix: 16)
    var session = try await sessions.get(key: identifier, as: SessionData.self) ?? SessionData(hits: 0)
    session.hits += 1
    try await sessions.set(key: identifier, value: session, expires: .seconds(3600))
    var response = Response(
        status: .ok,
        headers: [.contentType: "application/json"],
        body: .init(byteBuffer: ByteBuffer(string: "{\"hits\":\(session.hits)}\n"))
    )
    if known == nil { response.setCookie(Cookie(name: "session", value: identifier, path: "/", httpOnly: true)) }
    return response
}

var application = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
application.logger.logLevel = .warning
try await application.runService()
