public import ParanoidFastCGI
internal import Synchronization

/// A client of an application in the same process: it has an address and a browser, and keeps cookies as a browser does.
///
/// Its requests pass the same middleware and the same guard as those of the web server:
///
/// ```swift
/// var client = InProcessClient(app)
/// #expect(try await client.post("/login", form: ["user": "ann"]).status == 200)
/// var thief = client
/// thief.parameters["HTTP_USER_AGENT"] = "Thief/1.0"
/// #expect(try await thief.get("/account").status == 403)
/// ```
public struct InProcessClient: Sendable {
    /// What a request was answered with.
    public struct Received: Sendable {
        /// The status and the header fields.
        public let response: Response
        /// The whole body.
        public let body: [UInt8]

        /// The status code.
        public var status: Int { self.response.status.code }
        /// The body as UTF-8.
        public var text: String { String(decoding: self.body, as: UTF8.self) }
    }

    /// The application.
    public var application: Application
    /// The parameters that the web server sends with each request of this client, such as `REMOTE_ADDR`, `HTTPS` and `HTTP_USER_AGENT`.
    public var parameters: [String: String]
    /// The cookie jar, by the names of the cookies.
    public var cookies: [String: String]

    /// Creates a client with an empty cookie jar; over HTTPS from 192.0.2.1 unless other parameters are given.
    public init(
        _ application: Application,
        parameters: [String: String] = ["HTTPS": "on", "REMOTE_ADDR": "192.0.2.1", "HTTP_USER_AGENT": "Test/1.0"]
    ) {
        self.application = application
        self.parameters = parameters
        self.cookies = [:]
    }

    /// Sends a GET request.
    ///
    /// - Throws: What ``send(_:_:parameters:body:)`` throws.
    public mutating func get(_ path: String) async throws -> Received { try await self.send(.get, path) }

    /// Sends a form with POST.
    ///
    /// - Throws: What ``send(_:_:parameters:body:)`` throws.
    public mutating func post(_ path: String, form: [String: String] = [:]) async throws -> Received {
        let body = form.map { "\(Self.escaped($0.key))=\(Self.escaped($0.value))" }.sorted().joined(separator: "&")
        return try await self.send(
            .post,
            path,
            parameters: ["CONTENT_TYPE": "application/x-www-form-urlencoded"],
            body: Array(body.utf8)
        )
    }

    /// Sends a request with the cookies of the jar, and takes the cookies of the response.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - path: The path with its query.
    ///   - parameters: Parameters of this request only.
    ///   - body: The body.
    /// - Throws: `ConfigurationError` when the application cannot open its sessions; what the body of the response throws.
    public mutating func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        parameters: [String: String] = [:],
        body: [UInt8] = []
    ) async throws -> Received {
        var all = self.parameters.merging(parameters) { $1 }
        if !self.cookies.isEmpty {
            all["HTTP_COOKIE"] = self.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        }
        let request = InProcessRequest(method: method, path: path, parameters: all.map { ($0.key, $0.value) }, body: body)
        let response = try await self.application.respond(to: request)
        for cookie in response.cookies { self.cookies[cookie.name] = cookie.maxAge == .zero ? nil : cookie.value }
        let collected = CollectedBody()
        try await response.body.write(to: collected)
        return Received(response: response, body: collected.bytes)
    }

    /// A text with everything percent-encoded that could mean something in a form.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default: escaped += "%" + String(0x100 + Int(byte), radix: 16, uppercase: true).dropFirst()
            }
        }
        return escaped
    }
}

/// Keeps the body of a response instead of sending it.
private final class CollectedBody: ResponseBodyWriter {
    private let collected = Mutex<[UInt8]>([])

    var bytes: [UInt8] { self.collected.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws {
        self.collected.withLock { $0 += bytes }
    }

    func flush() async throws {}
}
