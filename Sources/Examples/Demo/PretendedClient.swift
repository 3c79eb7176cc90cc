import ParanoidFastCGI

/// A client that exists only inside this process: it has parameters that nginx would have sent, and cookies.
///
/// Its requests go through the application's in-process responder, so through the same middleware and guard as all others.
struct PretendedClient: Sendable {
    /// What a client's request is answered with.
    struct Answer: Sendable {
        var status: Int
        var text: String
    }

    /// The parameters of each request beside those that follow from method, path and body.
    var parameters: [(name: String, value: String)]
    var jar = CookieJar()

    /// A client that looks to the server exactly as the one whose request this is; its jar is empty.
    init(lookingLike request: Request) {
        var parameters: [(name: String, value: String)] = []
        request.parameters.forEach { name, value in
            parameters.append((name.text, value.text))
        }
        // These describe the one request that is copied, not the client.
        let ofThisRequest: Set = [
            "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
            "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_COOKIE",
        ]
        self.parameters = parameters.filter { !ofThisRequest.contains($0.name) }
    }

    /// A parameter that the web server sends about this client; `nil` leaves it out.
    subscript(_ name: String) -> String? {
        get { self.parameters.first { $0.name == name }?.value }
        set {
            self.parameters.removeAll { $0.name == name }
            if let newValue { self.parameters.append((name, newValue)) }
        }
    }

    /// Sends a request with the jar's cookies, and takes the cookies of the answer.
    mutating func send(_ method: HTTPRequest.Method, _ path: String, form: String? = nil, through app: Application) async throws -> Answer {
        var pairs = self.parameters
        if let field = self.jar.field { pairs.append(("HTTP_COOKIE", field)) }
        if form != nil { pairs.append(("CONTENT_TYPE", "application/x-www-form-urlencoded")) }

        let response = await app.respond(
            to: InProcessRequest(method: method, path: path, parameters: pairs, body: Array((form ?? "").utf8))
        )
        self.jar.take(response.cookies)
        let body = CollectedBody()
        try await response.body.write(to: body)
        return Answer(status: response.status.code, text: body.text)
    }
}

extension RawSpan {
    /// The bytes as text; what is not UTF-8 is replaced.
    var text: String {
        unsafe self.withUnsafeBytes { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
    }
}
