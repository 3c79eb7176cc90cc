import HTTPTypes
import Logging
import Synchronization
import Testing

@testable import ParanoidHTTP

@Suite("CORS")
struct CORSTests {
    private func answer(_ cors: CORS, _ method: HTTPRequest.Method, _ path: String, _ fields: KeyValuePairs<String, String>) async
        -> Response
    {
        let router = Router()
        router.add(middleware: cors)
        router.get("/api/notes") { _ in "notes" }
        router.get("/api/broken") { _ -> String in throw HTTPError(.conflict) }
        router.get("/page") { _ in "page" }
        let request = Request(
            method: method,
            rawPath: path,
            parameters: InMemoryParameters(fields),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return await ErrorResponder().response(to: request, of: router.freeze())
    }

    private let shop = CORS(
        origins: ["https://shop.example"],
        below: "/api",
        headers: [.contentType, .authorization],
        allowsCredentials: true
    )

    @Test("with credentials for every page, or for the origin null that every page can have, stops the program")
    func openWithCredentials() async {
        await #expect(processExitsWith: .failure) { _ = CORS(origins: ["*"], allowsCredentials: true) }
        await #expect(processExitsWith: .failure) { _ = CORS(origins: ["null"], allowsCredentials: true) }
        await #expect(processExitsWith: .failure) { _ = CORS(origins: ["https://shop.example", "null"], allowsCredentials: true) }
        await #expect(processExitsWith: .success) { _ = CORS(origins: ["null"]) }
    }

    @Test("answers a preflight for a method and a path that nobody has registered", arguments: ["/api/notes", "/api/absent"])
    func preflight(_ path: String) async {
        let response = await self.answer(
            self.shop,
            .options,
            path,
            ["HTTP_ORIGIN": "https://shop.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"]
        )
        #expect(response.status == .noContent)
        #expect(response.header(.accessControlAllowOrigin) == "https://shop.example")
        #expect(response.header(.accessControlAllowMethods)?.contains("PUT") == true)
        #expect(response.header(.accessControlAllowHeaders) == "Content-Type, Authorization")
        #expect(response.header(.accessControlAllowCredentials) == "true")
        #expect(response.header(.accessControlMaxAge) == "600")
        #expect(response.header(.vary) == "Origin")
    }

    @Test(
        "knows an origin that the application writes with a slash, in capitals or with its usual port",
        arguments: ["https://shop.example/", "HTTPS://Shop.Example", "https://shop.example:443", "https://shop.example:443/"]
    )
    func spellings(_ origin: String) async {
        let cors = CORS(origins: [origin])
        let response = await self.answer(cors, .get, "/api/notes", ["HTTP_ORIGIN": "https://shop.example"])
        #expect(response.header(.accessControlAllowOrigin) == "https://shop.example")
        for other in ["http://shop.example", "https://shop.example:8443", "https://shop.example.evil.example"] {
            #expect(await self.answer(cors, .get, "/api/notes", ["HTTP_ORIGIN": other]).header(.accessControlAllowOrigin) == nil)
        }
    }

    @Test(
        "tells pages of other origins nothing",
        arguments: [
            "https://shop.example.evil.example", "http://shop.example", "https://shop.example:8443", "null", "HTTPS://SHOP.EXAMPLE",
        ]
    )
    func others(_ origin: String) async {
        for fields: KeyValuePairs in [
            ["HTTP_ORIGIN": origin, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"] as KeyValuePairs, ["HTTP_ORIGIN": origin],
        ] {
            let response = await self.answer(self.shop, fields.count == 2 ? .options : .get, "/api/notes", fields)
            #expect(response.header(.accessControlAllowOrigin) == nil && response.header(.accessControlAllowMethods) == nil)
            #expect(response.header(.vary) == "Origin")
        }
    }

    @Test(
        "adds its fields to responses, those to errors and to paths without route included",
        arguments: ["/api/notes", "/api/broken", "/api/x"]
    )
    func responses(_ path: String) async {
        let response = await self.answer(self.shop, .get, path, ["HTTP_ORIGIN": "https://shop.example"])
        #expect(response.header(.accessControlAllowOrigin) == "https://shop.example")
        #expect(response.headerFields[values: .vary].contains("Origin"))
    }

    @Test("leaves other paths, and OPTIONS that is no preflight, as they are")
    func untouched() async {
        let page = await self.answer(self.shop, .get, "/page", ["HTTP_ORIGIN": "https://shop.example"])
        #expect(page.header(.accessControlAllowOrigin) == nil && page.header(.vary) == nil)
        let options = await self.answer(self.shop, .options, "/api/notes", ["HTTP_ORIGIN": "https://shop.example"])
        #expect(options.header(.allow) == "GET, HEAD, OPTIONS")
        #expect(options.header(.accessControlAllowOrigin) == "https://shop.example")
    }

    @Test("lets every page read where the origin is *, without credentials")
    func open() async {
        let response = await self.answer(CORS(origins: ["*"]), .get, "/page", ["HTTP_ORIGIN": "https://any.example"])
        #expect(response.header(.accessControlAllowOrigin) == "*")
        #expect(response.header(.accessControlAllowCredentials) == nil && response.header(.vary) == nil)
    }
}

@Suite("Allowed hosts")
struct AllowedHostsTests {
    private func status(_ parameters: KeyValuePairs<String, String>) async -> Int {
        let router = Router()
        router.add(middleware: AllowedHosts(["Shop.example", "*.shop.example", "[2001:db8::1]", "192.0.2.1"]))
        router.get("/") { _ in "page" }
        return await ErrorResponder().response(to: makeRequest(.get, "/", parameters), of: router.freeze()).status.code
    }

    @Test(
        "are served in any spelling and with any port",
        arguments: [
            "shop.example", "SHOP.example:8443", "shop.example.", "a.shop.example", "a.b.shop.example:80", "[2001:db8::1]:443", "192.0.2.1",
        ]
    )
    func allowed(_ host: String) async {
        #expect(await self.status(["HTTP_HOST": host]) == 200)
    }

    @Test(
        "are the only ones",
        arguments: [
            "", "evil.example", "shop.example.evil.example", "evilshop.example", ".shop.example", "shop.example:443@evil.example",
            "shop.example:x", "shop.example:123456", "[2001:db8::2]", "user@shop.example", "shop.example/", " shop.example",
        ]
    )
    func refused(_ host: String) async {
        #expect(await self.status(["HTTP_HOST": host]) == 400)
    }

    @Test("are asked for: a request without host is refused")
    func absent() async {
        #expect(await self.status([:]) == 400)
    }
}

@Suite("Identifiers of requests")
struct RequestIdentifierTests {
    private func request(_ parameters: KeyValuePairs<String, String>, isTrusted: Bool, logger: Logger? = nil) -> Request {
        Request(
            method: .get,
            rawPath: "/",
            parameters: InMemoryParameters(parameters),
            trustsRequestID: isTrusted,
            logger: logger ?? Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test("come from a trusted proxy, else from the web server, else from here")
    func sources() {
        let both: KeyValuePairs = ["HTTP_X_REQUEST_ID": "proxy-0001", "REQUEST_ID": "server-0001"]
        #expect(self.request(both, isTrusted: true).id == "proxy-0001")
        #expect(self.request(both, isTrusted: false).id == "server-0001")
        let own = self.request(["HTTP_X_REQUEST_ID": "client-0001"], isTrusted: false)
        #expect(own.id.utf8.count == 32 && own.id == own.id)
        #expect(own.id != self.request([:], isTrusted: false).id)
    }

    @Test(
        "are not taken from anybody when they are not well-formed",
        arguments: [
            "", "short", String(repeating: "a", count: 65), "line\nbreak-1", "blank in it", "quote\"\"\"\"", "semi;colon",
            "\u{FC}mlaute-12",
        ]
    )
    func malformed(_ text: String) {
        #expect(self.request(["HTTP_X_REQUEST_ID": text, "REQUEST_ID": "server-0001"], isTrusted: true).id == "server-0001")
        #expect(self.request(["REQUEST_ID": text], isTrusted: true).id.utf8.count == 32)
    }

    @Test("are in every line of the request's log, also where middleware has added to its logger")
    func logLines() {
        let recorder = RecordingLogHandler()
        let logger = Logger(label: "test") { _ in recorder }
        var request = self.request(["REQUEST_ID": "server-0001"], isTrusted: false, logger: logger)
        request.logger.info("one")
        request.logger[metadataKey: "tenant"] = "a"
        request.logger.info("two")
        let lines = recorder.entries
        #expect(lines.count == 2 && lines.allSatisfy { $0.metadata["request.id"] == "server-0001" })
        #expect(lines.last?.metadata["tenant"] == "a")
    }

    @Test("are one for all who ask at the same time, and for the copies of a request")
    func concurrent() async {
        let request = self.request([:], isTrusted: false)
        let all = await withTaskGroup(of: String.self, returning: Set<String>.self) { group in
            for _ in 0..<50 { group.addTask { request.id } }
            return await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(all.count == 1 && request.tag.description == all.first)
    }

    @Test("are told to the client with a response that says 5xx, and with no other")
    func errors() async {
        let failing = ClosureHandler { _ in throw HTTPError(.badGateway) }
        let missing = ClosureHandler { _ in throw HTTPError.notFound }
        let request = self.request(["REQUEST_ID": "server-0001"], isTrusted: false)
        let name = HTTPField.Name("X-Request-ID")!
        #expect(await ErrorResponder().response(to: request, of: failing).header(name) == "server-0001")
        #expect(await ErrorResponder().response(to: request, of: missing).header(name) == nil)
    }
}
