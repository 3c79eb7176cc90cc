import HTTPTypes
import Logging
import Testing

// Not @testable: these closures have to infer with what applications can see.
import ParanoidHTTP

/// Forwards to a router, as the application does.
private struct ForwardingApplication: RouterMethods {
    let router = Router()

    func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern: String) {
        self.router.register(handler, method: method, pattern: pattern)
    }
}

private struct Login: Decodable {
    var user: String
}

@Suite("Closures of an application")
struct RegistrationTests {
    private let handler: any HTTPHandler

    init() {
        let app = ForwardingApplication()
        app.get("/hello") { request in "hello\n" }
        app.post("/login") { request in
            let form = try await request.decodeForm(Login.self)
            guard form.user != "nobody" else { throw HTTPError.forbidden }
            return Response.redirect(to: "/")
        }
        app.get("/visits") { request in
            let visits = try await Self.visits()
            return "visits: \(visits)\n"
        }
        app.get("/json") { request in try Response.json(["path": request.path]) }
        app.get("/users/{id}") { request in
            guard let id = request.pathParameter("id") else { throw HTTPError.notFound }
            if id == "me" { return Response.redirect(to: "/users/1") }
            return try Response.json(["id": id])
        }
        app.put("/values/{key}") { request in
            var response = Response.empty()
            try response.setHeader("no-store", for: .cacheControl)
            response.setCookie(try SetCookie(name: "key", value: request.pathParameter("key") ?? ""))
            return response
        }
        let admin = app.group("/admin")
        admin.delete("/{path*}") { request in request.pathParameter("path") ?? "" }
        admin.patch("/x") { _ in Response.html("<p>x") }
        app.post("/echo") { request in
            let body = request.body
            return Response(
                body: .stream(length: body.length) { writer in
                    for try await chunk in body { try await writer.write(chunk) }
                }
            )
        }
        self.handler = app.router.freeze()
    }

    private static func visits() async throws -> Int { 3 }

    private func text(_ method: HTTPRequest.Method, _ path: String) async throws -> String {
        let request = Request(
            method: method,
            rawPath: path,
            parameters: InMemoryParameters(),
            headerFields: { [:] },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let response = try await self.handler.handle(request)
        let writer = CollectingWriter()
        try await response.body.write(to: writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test(
        "infer their types and answer",
        arguments: [
            ("/hello", "hello\n"), ("/visits", "visits: 3\n"), ("/json", #"{"path":"/json"}"#), ("/users/7", #"{"id":"7"}"#),
            ("/users/me", ""),
        ]
    )
    func answers(_ path: String, _ expected: String) async throws {
        #expect(try await self.text(.get, path) == expected)
    }

    @Test("in a group are found under its prefix")
    func group() async throws {
        #expect(try await self.text(.delete, "/admin/a/b") == "a/b")
        #expect(try await self.text(.patch, "/admin/x") == "<p>x")
    }
}
