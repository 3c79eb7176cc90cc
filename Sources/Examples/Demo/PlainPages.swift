import ParanoidFastCGI

/// `GET /hello`: the shortest answer; no session, no cookie.
enum HelloPage {
    static func register(on routes: some RouterMethods) {
        routes.get("/hello") { _ in "hello\n" }
    }
}

/// `POST /echo`: the body back in the pieces it came in, with its content type.
enum EchoPage {
    static func register(on routes: some RouterMethods) {
        routes.post("/echo") { request in
            // All of the body before any of the answer: nginx stops sending a request's body once the head of the response has arrived, so
            // that who answers while reading waits for a rest that never comes.
            var chunks: [[UInt8]] = []
            var length = 0
            for try await chunk in request.body {
                chunks.append(chunk)
                length += chunk.count
            }
            var response = Response(
                body: .stream(length: length) { [chunks] writer in
                    for chunk in chunks { try await writer.write(chunk) }
                }
            )
            try response.setHeader(request.header(.contentType) ?? "application/octet-stream", for: .contentType)
            // The bytes are the sender's: no browser shall guess that they are a page.
            try response.setHeader("nosniff", for: .xContentTypeOptions)
            try response.setHeader("sandbox; default-src 'none'", for: .contentSecurityPolicy)
            return response
        }
    }
}

/// `GET /params`: all parameters that the web server sent with the request.
enum ParametersPage {
    static func register(on routes: some RouterMethods) {
        routes.get("/params") { request in
            var parameters: [String: String] = [:]
            request.parameters.forEach { name, value in
                parameters[Self.text(of: name)] = Self.text(of: value)
            }
            // The session cookies are kept from scripts (HttpOnly); a page that echoes them would hand them over.
            if parameters["HTTP_COOKIE"] != nil {
                parameters["HTTP_COOKIE"] = request.cookies.map { "\(String(decoding: $0.name, as: UTF8.self))=…" }.joined(separator: "; ")
            }
            return try Response.json(parameters)
        }
    }

    private static func text(of bytes: RawSpan) -> String {
        unsafe bytes.withUnsafeBytes { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
    }
}

/// `GET /slow?ms=N`: waits without holding a thread or a lock, then answers as `/session` does.
enum SlowPage {
    private static let longest = 60_000

    static func register(on routes: some RouterMethods) {
        routes.get("/slow") { request in
            guard let text = request.query.first(named: "ms"), let milliseconds = Int(text), (0...Self.longest).contains(milliseconds)
            else {
                throw HTTPError(.badRequest, message: "ms is a number from 0 to \(Self.longest).")
            }
            try await Task.sleep(for: .milliseconds(milliseconds))
            return try Response.json(await SessionReport.count(in: request.session))
        }
    }
}

/// `GET /error` and `GET /crash`: what the client sees when a handler throws, and what happens when a worker dies.
enum FailurePages {
    private struct DemoFailure: Error, CustomStringConvertible {
        var description: String { "this text goes to the log and never to the client" }
    }

    static func register(on routes: some RouterMethods, allowsCrash: Bool) {
        routes.get("/error") { _ -> Response in
            throw DemoFailure()
        }
        routes.get("/crash") { _ -> Response in
            guard allowsCrash else { throw HTTPError(.notFound, message: "Set DEMO_ALLOW_CRASH=1 to let visitors crash workers.") }
            fatalError("a visitor asked for /crash")
        }
    }
}

/// `GET /worker`: which process and which of its threads answers.
enum WorkerPage {
    static func register(on routes: some RouterMethods) {
        routes.get("/worker") { _ in try Response.json(WorkerReport.current) }
    }
}

/// The process and thread that run this code.
struct WorkerReport: Encodable {
    var pid: Int
    var thread: Int

    static var current: WorkerReport {
        let identity = WorkerIdentity.current
        return WorkerReport(pid: identity.process, thread: identity.thread)
    }
}
