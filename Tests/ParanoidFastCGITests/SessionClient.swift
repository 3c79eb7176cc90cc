import ParanoidFastCGI

/// A client of an application in this process: keeps cookies, sends forms and header fields, shows the whole answer.
struct SessionClient: Sendable {
    struct Answer: Sendable {
        var response: Response
        var text: String

        var status: Int { self.response.status.code }
    }

    var app: Application
    var cookies: [String: String] = [:]
    var isSecure = true

    init(_ app: Application) {
        self.app = app
    }

    mutating func get(_ path: String) async -> Answer { await self.send(.get, path) }

    mutating func post(_ path: String, form: [String: String] = [:], fields: [String: String] = [:]) async -> Answer {
        await self.send(.post, path, form: form, fields: fields)
    }

    /// Sends a request; the texts of a form have to be ones that need no escapes.
    mutating func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        form: [String: String] = [:],
        fields: [String: String] = [:]
    ) async -> Answer {
        var parameters: [(name: String, value: String)] = [
            ("REMOTE_ADDR", "10.0.0.1"), ("HTTP_USER_AGENT", "Test"), ("HTTP_HOST", "shop.example"),
        ]
        if self.isSecure { parameters.append(("HTTPS", "on")) }
        if !form.isEmpty { parameters.append(("CONTENT_TYPE", "application/x-www-form-urlencoded")) }
        for (name, value) in fields { parameters.append((name, value)) }
        let body = form.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "&")
        let (response, text) = await self.app.answer(method, path, parameters: parameters, cookies: &self.cookies, body: body)
        return Answer(response: response, text: text)
    }
}
