import HTTPTypes
import Synchronization
import Testing

@testable import ParanoidHTTP

/// Writes down what passes it.
private struct Recorder: HTTPMiddleware {
    let name: String
    let log: Log

    final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        var all: [String] { self.entries.withLock { $0 } }
        func append(_ entry: String) { self.entries.withLock { $0.append(entry) } }
    }

    func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        self.log.append("\(self.name) \(request.route ?? "-")")
        do {
            let response = try await next.handle(request)
            self.log.append("\(self.name) \(response.status.code)")
            return response
        } catch let error as HTTPError {
            self.log.append("\(self.name) throws \(error.status.code)")
            throw error
        }
    }
}

@Suite("Router")
struct RouterTests {
    private let router: Router = {
        let router = Router()
        func say(_ method: HTTPRequest.Method, _ pattern: String) {
            router.on(method, pattern) { request in
                var text = "\(method) \(pattern)"
                for name in ["id", "path", "x"] { if let value = request.pathParameter(name) { text += " \(name)=\(value)" } }
                return text
            }
        }
        say(.get, "/")
        say(.get, "/users/me")
        say(.get, "/users/{id}")
        say(.delete, "/users/{id}")
        say(.get, "/users/{id}/posts")
        say(.get, "/users/me/{x}/end")
        say(.get, "/files/{path*}")
        say(.get, "/files/special")
        say(.post, "/form")
        say(.get, "/dir/")
        say(.get, "/ü/K")
        say(.put, "/both")
        say(.get, "/both")
        return router
    }()

    private func answer(_ method: HTTPRequest.Method, _ path: String) async throws -> Response {
        await ErrorResponder().response(to: makeRequest(method, path), of: self.router.freeze())
    }

    @Test(
        "prefers literals to captures and captures to the rest",
        arguments: [
            ("/", "GET /"), ("/users/me", "GET /users/me"), ("/users/7", "GET /users/{id} id=7"),
            ("/users/7/posts", "GET /users/{id}/posts id=7"),
            ("/users/me/posts", "GET /users/{id}/posts id=me"), ("/users/me/1/end", "GET /users/me/{x}/end x=1"),
            ("/files/a/b", "GET /files/{path*} path=a/b"), ("/files/", "GET /files/{path*} path="),
            ("/files/special", "GET /files/special"),
            ("/files/special/x", "GET /files/{path*} path=special/x"), ("/dir/", "GET /dir/"),
        ]
    )
    func precedence(_ path: String, _ text: String) async throws {
        #expect(try await self.answer(.get, path).text() == text)
    }

    @Test(
        "decodes segment by segment",
        arguments: [
            ("/%75sers/7", "GET /users/{id} id=7"), ("/users/a%2Fb", "GET /users/{id} id=a/b"), ("/users/a%20b", "GET /users/{id} id=a b"),
            ("/users/%252F", "GET /users/{id} id=%2F"), ("/%C3%BC/K", "GET /ü/K"), ("/files/a%2Fb/c%3F", "GET /files/{path*} path=a/b/c?"),
            ("/users/m%65", "GET /users/me"),
        ]
    )
    func decoding(_ path: String, _ text: String) async throws {
        #expect(try await self.answer(.get, path).text() == text)
    }

    @Test(
        "does not find what nobody registered",
        arguments: [
            "/users", "/users/", "/users/7/", "/users%2F7", "/files", "/dir", "//", "//users/me", "/users/me/1", "/Users/me",
            "/\u{FC}/\u{212A}", "/u\u{308}/K",
        ]
    )
    func notFound(_ path: String) async throws {
        let response = try await self.answer(.get, path)
        #expect(response.status == .notFound)
        #expect(try await response.text() == "Not Found\n")
    }

    @Test(
        "refuses a path that cannot be used",
        arguments: ["/users/%", "/users/%00", "/../users/me", "/files/../users/me", "/files/..%2f..", "/%ff", "x", ""]
    )
    func badPath(_ path: String) async {
        let error = await #expect(throws: HTTPError.self) { try await self.router.freeze().handle(makeRequest(.get, path)) }
        #expect(error?.status == .badRequest)
    }

    @Test(
        "names the methods that a path has",
        arguments: [
            ("POST", "/users/me", "DELETE, GET, HEAD, OPTIONS"), ("GET", "/form", "OPTIONS, POST"), ("POST", "/", "GET, HEAD, OPTIONS"),
            ("PATCH", "/both", "GET, HEAD, OPTIONS, PUT"), ("get", "/", "GET, HEAD, OPTIONS"), ("TRACE", "/", "GET, HEAD, OPTIONS"),
            ("CONNECT", "/both", "GET, HEAD, OPTIONS, PUT"), ("TRACE", "/nowhere", ""),
        ]
    )
    func methodNotAllowed(_ method: String, _ path: String, _ allow: String) async throws {
        let response = try await self.answer(try #require(HTTPRequest.Method(method)), path)
        #expect(response.status == .methodNotAllowed)
        #expect(response.header(.allow) == allow)
    }

    @Test("takes a less exact pattern when the more exact one lacks the method")
    func methodFallback() async throws {
        #expect(try await self.answer(.delete, "/users/me").text() == "DELETE /users/{id} id=me")
    }

    @Test("answers OPTIONS with the methods")
    func options() async throws {
        let response = try await self.answer(.options, "/both")
        #expect(response.status == .noContent)
        #expect(response.header(.allow) == "GET, HEAD, OPTIONS, PUT")
        try response.validate()
        #expect(try await self.answer(.options, "/nowhere").status == .notFound)
    }

    @Test("answers HEAD as GET without the body")
    func head() async throws {
        let response = try await self.answer(.head, "/users/7")
        #expect(response.lines().contains("Content-Length: 20"))
        #expect(try await response.text().isEmpty)
        #expect(try await self.answer(.head, "/form").status == .methodNotAllowed)
        #expect(try await self.answer(.head, "/nowhere").text().isEmpty)
    }

    @Test("prefers a handler of its own for HEAD and drops its body too")
    func ownHead() async throws {
        let router = Router()
        router.on(.head, "/x") { _ in Response.text("head", status: .accepted) }
        router.get("/x") { _ in "get" }
        let response = try await router.freeze().handle(makeRequest(.head, "/x"))
        #expect(response.status == .accepted)
        #expect(response.body.length == 4)
        #expect(try await response.text().isEmpty)
    }

    @Test("runs middleware from the outside in, around 404 as well, and it knows the route")
    func middleware() async throws {
        let log = Recorder.Log()
        let router = Router()
        router.add(middleware: Recorder(name: "outer", log: log))
        router.get("/a/{x}") { _ in "a" }
        router.add(middleware: Recorder(name: "inner", log: log))
        router.group("/g", middleware: [Recorder(name: "g1", log: log), Recorder(name: "g2", log: log)]).get("/x") { _ in "x" }
        let handler = router.freeze()
        _ = try await handler.handle(makeRequest(.get, "/a/1"))
        await #expect(throws: HTTPError.self) { try await handler.handle(makeRequest(.get, "/none")) }
        _ = try await handler.handle(makeRequest(.get, "/g/x"))
        #expect(
            log.all == [
                "outer /a/{x}", "inner /a/{x}", "inner 200", "outer 200", "outer -", "inner -", "inner throws 404", "outer throws 404",
                "outer /g/x",
                "inner /g/x",
                "g1 /g/x", "g2 /g/x", "g2 200", "g1 200", "inner 200", "outer 200",
            ]
        )
    }

    @Test("has groups that share middleware and no prefix")
    func groupWithoutPrefix() async throws {
        let log = Recorder.Log()
        let router = Router()
        let group = router.group("", middleware: [Recorder(name: "g", log: log)])
        group.get("/a") { _ in "a" }
        group.group("/b").get("/c") { _ in "c" }
        router.get("/d") { _ in "d" }
        let handler = router.freeze()
        for path in ["/a", "/b/c", "/d"] { _ = try await handler.handle(makeRequest(.get, path)) }
        #expect(log.all == ["g /a", "g 200", "g /b/c", "g 200"])
    }

    @Test("passes on what middleware attaches, and errors of handlers")
    func attached() async throws {
        struct Attach: HTTPMiddleware {
            func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
                var request = request
                request[String.self] = "attached"
                return try await next.handle(request)
            }
        }
        let router = Router()
        router.add(middleware: Attach())
        router.get("/x") { request in request[String.self] ?? "nothing" }
        router.get("/e") { _ -> Response in throw HTTPError.conflict }
        #expect(try await router.freeze().handle(makeRequest(.get, "/x")).text() == "attached")
        await #expect(throws: HTTPError.self) { try await router.freeze().handle(makeRequest(.get, "/e")) }
    }

    @Test("that is frozen does not change")
    func frozen() async throws {
        let router = Router()
        let before = router.freeze()
        router.get("/x") { _ in "x" }
        await #expect(throws: HTTPError.self) { try await before.handle(makeRequest(.get, "/x")) }
        #expect(try await router.freeze().handle(makeRequest(.get, "/x")).status == .ok)
    }

    @Test("inside a router routes anew")
    func nested() async throws {
        let inner = Router()
        inner.get("/a/{y}") { request in request.pathParameter("y") ?? "-" }
        let outer = Router()
        outer.register(inner.freeze(), method: .get, pattern: "/{all*}")
        #expect(try await outer.freeze().handle(makeRequest(.get, "/a/b")).text() == "b")
    }

    @Test("finds each of many routes")
    func many() async throws {
        let router = Router()
        for number in 0..<500 { router.get("/r\(number)/x") { _ in "\(number)" } }
        let handler = router.freeze()
        for number in stride(from: 0, to: 500, by: 7) {
            #expect(try await handler.handle(makeRequest(.get, "/r\(number)/x")).text() == "\(number)")
        }
    }

    @Test("stops the program when one way is registered twice")
    func conflict() async {
        await #expect(processExitsWith: .failure) {
            let router = Router()
            router.get("/a/{x}") { _ in "x" }
            router.get("/a/{y}") { _ in "y" }
        }
    }

    @Test("stops the program when TRACE is registered")
    func trace() async {
        await #expect(processExitsWith: .failure) { Router().on(.trace, "/") { _ in "x" } }
    }

    @Test("stops the program when a pattern is none")
    func badPattern() async {
        await #expect(processExitsWith: .failure) { Router().get("no-slash") { _ in "x" } }
    }
}

@Suite("Route pattern")
struct RoutePatternTests {
    @Test("has literals, captures and a rest")
    func parts() throws {
        let pattern = try RoutePattern("/a/{id}/b/{rest*}")
        #expect(pattern.parts == [.literal([0x61]), .capture, .literal([0x62]), .rest])
        #expect(pattern.names == ["id", "rest"])
        #expect(try RoutePattern("/").parts == [.literal([])])
    }

    @Test(
        "refuses what is none",
        arguments: [
            "", "a", "/a b", "/a?b", "/a#b", "/a%20b", "/{", "/}", "/{}", "/{*}", "/{a}b", "/a{b}", "/{a-b}", "/{a*}/b", "/{a}/{a}",
            "/a//b", "/..", "/a/./b",
            "/\u{0}", "/a\r\n", "/{ü}", "/{{a}}",
        ]
    )
    func bad(_ text: String) {
        #expect(throws: RoutePatternError.self) { try RoutePattern(text) }
    }
}
