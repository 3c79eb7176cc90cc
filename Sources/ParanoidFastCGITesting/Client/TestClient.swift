public import ParanoidFastCGI

/// A client of an application in the same process: it has an address and a browser, and keeps cookies as a browser does.
///
/// Its requests pass the same middleware and the same guard as those of the web server. A copy of a client has the same cookies.
///
/// ```swift
/// try await app.test { client in
///     #expect(try await client.post("/login", form: ["user": "ann"]).status == 200)
///     var thief = client.thief()
///     thief.userAgent = "Thief/1.0"
///     #expect(try await thief.get("/account").status == 401)
/// }
/// ```
public struct TestClient: Sendable {
    /// The parameters that the web server sends with each request of this client, such as `HTTP_ACCEPT_LANGUAGE`.
    public var parameters: [String: String] = [
        "HTTPS": "on", "REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "shop.example", "HTTP_USER_AGENT": "Test/1.0",
    ]
    /// Whether redirections are followed as a browser follows them, as long as they stay on the host; at first they are not.
    public var followsRedirections = false
    private var jar = CookieJar()
    /// The application that gets the requests.
    package var application: Application

    /// Creates a client with an empty cookie jar; over HTTPS, from 192.0.2.1, to the host `shop.example`.
    public init(_ application: Application) {
        self.application = application
    }

    /// Whether requests come over HTTPS, as they do at first.
    public var isSecure: Bool {
        get { self.parameters["HTTPS"] == "on" }
        set { self.parameters["HTTPS"] = newValue ? "on" : nil }
    }

    /// The address of the client.
    public var address: String {
        get { self.parameters["REMOTE_ADDR"] ?? "" }
        set { self.parameters["REMOTE_ADDR"] = newValue }
    }

    /// The name of the browser.
    public var userAgent: String {
        get { self.parameters["HTTP_USER_AGENT"] ?? "" }
        set { self.parameters["HTTP_USER_AGENT"] = newValue }
    }

    /// The values of the cookies by name, those that have expired excepted.
    ///
    /// A cookie that is set here goes with every request to the host.
    public var cookies: [String: String] {
        get { self.jar.values(at: self.now) }
        set { self.jar.replace(with: newValue, at: self.now, host: self.host) }
    }

    /// Somebody who has copied the cookies, and shows all of them with every request: over plain HTTP, to other paths and hosts, and after
    /// their end.
    public func thief() -> TestClient {
        var thief = self
        thief.jar.becomeThief(at: self.now)
        return thief
    }

    // MARK: Requests

    /// Sends a GET request.
    ///
    /// - Throws: As ``send(_:_:_:headers:from:)`` does.
    public mutating func get(_ path: String, headers: [String: String] = [:], from origin: String? = nil) async throws -> TestResponse {
        try await self.send(.get, path, headers: headers, from: origin)
    }

    /// Sends a url-encoded form with POST; without fields, an empty body.
    ///
    /// - Throws: As ``send(_:_:_:headers:from:)`` does.
    public mutating func post(
        _ path: String,
        form: [String: String] = [:],
        headers: [String: String] = [:],
        from origin: String? = nil
    ) async throws -> TestResponse {
        try await self.send(.post, path, form.isEmpty ? .empty : .form(form), headers: headers, from: origin)
    }

    /// Sends a body with POST.
    ///
    /// - Throws: As ``send(_:_:_:headers:from:)`` does.
    public mutating func post(
        _ path: String,
        _ body: TestBody,
        headers: [String: String] = [:],
        from origin: String? = nil
    ) async throws -> TestResponse {
        try await self.send(.post, path, body, headers: headers, from: origin)
    }

    /// Sends a request with the cookies that a browser would send, and takes those of the response that a browser would take.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - path: The path with its query.
    ///   - body: The body.
    ///   - headers: Header fields of this request only, such as `["Accept": "application/json"]`; stronger than all others.
    ///   - origin: The origin of the page whose link or form makes the browser send the request, such as `https://evil.example`; `nil`: the user
    ///     does. It decides the fields `Origin` and `Sec-Fetch-Site` and, with `SameSite`, the cookies.
    /// - Throws: `ConfigurationError` when the application cannot open its sessions; the error of a response's stream; an error after 20
    ///   redirections.
    public mutating func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: TestBody = .empty,
        headers: [String: String] = [:],
        from origin: String? = nil
    ) async throws -> TestResponse {
        let response = try await self.exchange(method, path, body, headers: headers, from: origin)
        return self.followsRedirections ? try await self.follow(response) : response
    }

    private mutating func exchange(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: TestBody,
        headers: [String: String],
        from origin: String?
    ) async throws -> TestResponse {
        let site = RequestingSite(of: origin, to: self.host, isSecure: self.isSecure)
        let destination = CookieJar.Destination(host: self.host, path: path, isSecure: self.isSecure)
        var all = self.parameters
        if let cookies = all["HTTP_COOKIE"] ?? self.jar.field(to: destination, method: method, site: site, at: self.now) {
            all["HTTP_COOKIE"] = cookies
        }
        if let type = body.contentType { all["CONTENT_TYPE"] = type }
        if let origin {
            if method != .get && method != .head { all["HTTP_ORIGIN"] = origin }
            all["HTTP_SEC_FETCH_SITE"] = site.rawValue
            all["HTTP_SEC_FETCH_MODE"] = "navigate"
            all["HTTP_SEC_FETCH_DEST"] = "document"
        }
        for (name, value) in headers { all[Self.parameter(ofField: name)] = value }
        let request = InProcessRequest(method: method, path: path, parameters: all.map { ($0.key, $0.value) }, body: body.bytes)
        let response = try await self.application.respond(to: request)
        for cookie in response.cookies { self.jar.take(cookie, from: destination, at: self.now) }
        return try await TestResponse(response, to: (method, path, body))
    }

    private mutating func follow(_ response: TestResponse) async throws -> TestResponse {
        var response = response
        for _ in 0..<20 {
            guard let next = Redirection(response, host: self.host, isSecure: self.isSecure) else { return response }
            self.isSecure = next.isSecure
            response = try await self.exchange(next.method, next.path, next.body, headers: [:], from: nil)
        }
        throw EndlessRedirection(location: response.header(.location) ?? "")
    }

    private var host: String { self.parameters["HTTP_HOST"] ?? "" }
    private var now: Timestamp { self.application.clock?.now ?? SystemSessionClock().now }

    /// The name that a web server gives a header field as a parameter (RFC 3875, section 4.1.18).
    private static func parameter(ofField name: String) -> String {
        let name = String(name.uppercased().map { $0 == "-" ? "_" : $0 })
        return name == "CONTENT_TYPE" || name == "CONTENT_LENGTH" ? name : "HTTP_" + name
    }
}

/// The error of a client that was sent from place to place too often.
package struct EndlessRedirection: Error {
    /// Where the last response leads.
    package let location: String
}

/// The request that a browser sends for a response with a `Location`.
private struct Redirection {
    var method: HTTPRequest.Method
    var path: String
    var body: TestBody
    var isSecure: Bool

    init?(_ response: TestResponse, host: String, isSecure: Bool) {
        guard 300...399 ~= response.status, var location = response.header(.location) else { return nil }
        self.isSecure = isSecure
        if let fragment = location.firstIndex(of: "#") { location = String(location[..<fragment]) }
        for (scheme, secure) in [("https:", true), ("http:", false)] where location.lowercased().hasPrefix("\(scheme)//") {
            self.isSecure = secure
            location.removeFirst(scheme.count)
        }
        if location.hasPrefix("//") {
            let rest = location.dropFirst(2)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            guard rest[..<end] == host else { return nil }
            location = rest[end...].hasPrefix("/") ? String(rest[end...]) : "/" + rest[end...]
        } else if !location.hasPrefix("/") {
            let path = response.request.path.prefix { $0 != "?" }
            if location.hasPrefix("?") {
                location = path + location
            } else {
                location = path[...(path.lastIndex(of: "/") ?? path.startIndex)] + location
            }
        }
        self.path = location
        switch response.status {
        case 307, 308: (self.method, self.body) = (response.request.method, response.request.body)
        default: (self.method, self.body) = (response.request.method == .head ? .head : .get, .empty)
        }
    }
}
