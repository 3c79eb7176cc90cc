internal import HTTPTypes
internal import Logging
internal import ParanoidFastCGI
internal import ParanoidHTTP
internal import ParanoidLinux
internal import ParanoidSessions
internal import WorkerSupervisor

/// What is counted.
enum Operation: String, CaseIterable {
    /// The parameters of a request become a request.
    case parser
    /// A request finds its handler among thirty routes.
    case router
    /// The same, measured for the status.
    case measured
    /// The same, with a line in an access log as well.
    case logged
    /// The cookies of a request are found.
    case cookies
    /// A record is decoded and encoded.
    case record
    /// A record is sealed and opened.
    case seal
    /// The session middleware around a handler that does not touch its session.
    case untouched
    /// The session middleware around a handler that reads a value: the guard decides.
    case read
    /// The session middleware around a handler that changes a value: one commit.
    case commit

    func run(_ count: Int) async throws {
        switch self {
        case .parser: try Self.parse(count)
        case .router: try await Self.route(count, nil)
        case .measured: try await Self.route(count, Self.monitor(nil))
        case .logged:
            guard let format = AccessLogFormat("json") else { preconditionFailure("no format") }
            try await Self.route(count, Self.monitor(AccessLog(format, at: .file("/dev/null"))))
        case .cookies: Self.findCookies(count)
        case .record: try Self.codeRecord(count)
        case .seal: try Self.seal(count)
        case .untouched, .read, .commit:
            var operation = try SessionOperation(self)
            try await operation.run(count)
        }
    }

    static let cookieField =
        "theme=dark; __Host-sessionid=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB; __Host-nonce=AgICAgICAgICAgICAgICAgICAgICAgIC; lang=en"

    /// The parameters that nginx sends with a request over TLS.
    static let parameters: KeyValuePairs<String, String> = [
        "REQUEST_METHOD": "GET", "REQUEST_URI": "/users/42/posts?page=2", "SCRIPT_NAME": "", "PATH_INFO": "/users/42/posts",
        "QUERY_STRING": "page=2", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "nginx/1.22.1", "SERVER_PROTOCOL": "HTTP/2.0",
        "SERVER_ADDR": "192.0.2.1", "SERVER_PORT": "443", "SERVER_NAME": "localhost", "REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "40000",
        "REQUEST_SCHEME": "https", "HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "TLS_AES_256_GCM_SHA384",
        "HTTP_HOST": "localhost", "HTTP_ACCEPT": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.7,de;q=0.3", "HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_SEC_FETCH_MODE": "navigate",
    ]

    private static func parse(_ count: Int) throws {
        let pairs = Self.parameters.map { (Array($0.key.utf8), Array($0.value.utf8)) }
        var sum = 0
        for _ in 0..<count {
            var reader = MetaVariableReader()
            for (name, value) in pairs { try unsafe reader.add(name: name.span.bytes, value: value.span.bytes) }
            sum += try reader.finish().rawPath.utf8.count
        }
        precondition(sum == count * "/users/42/posts".utf8.count)
    }

    private static func monitor(_ access: AccessLog?) throws -> RequestMonitor {
        RequestMonitor(try WorkerContext(alone: {}), access: access, logger: Logger(label: "count") { _ in SwiftLogNoOpLogHandler() })
    }

    /// - Parameter monitor: What measures the requests.
    private static func route(_ count: Int, _ monitor: RequestMonitor?) async throws {
        let router = Router()
        for place in 0..<10 {
            router.get("/part\(place)/list") { _ in "list" }
            router.get("/part\(place)/{id}") { _ in "one" }
            router.post("/part\(place)/{id}/edit") { _ in "edited" }
        }
        let handler = router.freeze()
        var request = Self.request("/part7/42", Self.parameters(cookies: nil))
        for _ in 0..<count {
            request.trace = monitor?.begin()
            guard try await handler.handle(request).status == .ok else { preconditionFailure("no route") }
            if let trace = request.trace { monitor?.end(trace) }
        }
    }

    private static func findCookies(_ count: Int) {
        let bytes = Array(Self.cookieField.utf8)
        var sum = 0
        for _ in 0..<count { sum += unsafe Cookies(parsing: bytes.span.bytes).count }
        precondition(sum == 4 * count)
    }

    /// A record as a session of a logged-in user has it.
    private static func someRecord() -> SessionRecord {
        var generator = SystemRandomNumberGenerator()
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let fingerprint = Fingerprint(of: ClientTraits([Array("192.0.2.7".utf8), nil]), keys: keys)
        let now = Timestamp(secondsSinceEpoch: 1_000_000)
        var tracking = SessionTracking(boundTo: fingerprint, at: now, using: &generator)
        tracking.secureKey = SecureKey(using: &generator)
        var record = SessionRecord(createdAt: now, tracking: tracking)
        record.user = SessionUser(name: "alice", loggedInAt: now)
        record.values[Array("hits".utf8)] = Array("17".utf8)
        record.values[Array("basket".utf8)] = Array(#"[{"article":4711,"count":2},{"article":4712,"count":1}]"#.utf8)
        return record
    }

    private static func codeRecord(_ count: Int) throws {
        var record = Self.someRecord()
        for _ in 0..<count {
            guard let decoded = SessionRecord(decoding: record.encoded()) else { preconditionFailure("not a record") }
            record = decoded
        }
    }

    private static func seal(_ count: Int) throws {
        var generator = SystemRandomNumberGenerator()
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let identifier = SessionIdentifier(secretNumber: 1, using: &generator)
        let key = keys.sealKey(of: identifier)
        let bytes = Self.someRecord().encoded()
        for _ in 0..<count {
            var sealed: [UInt8] = []
            SessionSeal.seal(bytes, into: &sealed, with: key, context: [1, 2, 3, 4], using: &generator)
            guard SessionSeal.open(sealed[...], with: key, context: [1, 2, 3, 4])?.count == bytes.count else {
                preconditionFailure("not opened")
            }
        }
    }

    /// What nginx sends with a request that shows cookies.
    static func parameters(cookies: String?) -> InMemoryParameters {
        var parameters = InMemoryParameters(Self.parameters)
        if let cookies { parameters.append(name: Array("HTTP_COOKIE".utf8), value: Array(cookies.utf8)) }
        return parameters
    }

    static func request(_ path: String, _ parameters: InMemoryParameters) -> Request {
        Request(
            method: .get,
            rawPath: path,
            isSecure: true,
            clientAddress: "192.0.2.7",
            parameters: parameters,
            headerFields: { HTTPFields() },
            logger: Logger(label: "count") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
