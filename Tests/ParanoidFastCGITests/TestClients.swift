import ParanoidFastCGI
import ParanoidFastCGITesting
import Synchronization
import Testing

/// An application in a directory of its own, which goes with this value, and with a clock that the test moves.
struct SessionApplication {
    let directory: TemporaryDirectory
    let time = ManualClock()
    let app: Application

    init(_ change: (inout ApplicationConfiguration) -> Void = { _ in }) throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        change(&configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        self.app = try Application(configuration: configuration, logger: logger, clock: self.time)
    }

    func client() -> SessionClient { SessionClient(self.app) }
}

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

/// A client of an application in this process that keeps cookies.
struct TestBrowser: Sendable {
    var app: Application
    var agent: String
    var address = "10.0.0.1"
    var isSecure = true
    /// Further parameters of each request.
    var more: [(name: String, value: String)] = []
    var cookies: [String: String] = [:]

    init(app: Application, agent: String) {
        self.app = app
        self.agent = agent
    }

    mutating func get(_ path: String) async throws -> (status: Int, text: String) { try await self.send(.get, path, "") }

    mutating func post(_ path: String, body: String = "") async throws -> (status: Int, text: String) {
        try await self.send(.post, path, body)
    }

    private mutating func send(_ method: HTTPRequest.Method, _ path: String, _ body: String) async throws -> (status: Int, text: String) {
        var parameters: [(name: String, value: String)] = [
            ("REMOTE_ADDR", self.address), ("HTTP_USER_AGENT", self.agent),
        ]
        if self.isSecure { parameters.append(("HTTPS", "on")) }
        parameters += self.more
        let (response, text) = await self.app.answer(method, path, parameters: parameters, cookies: &self.cookies, body: body)
        return (response.status.code, text)
    }
}

/// Holds a handler until the test lets it go.
final class Barrier: Sendable {
    private struct State {
        var hasArrived = false
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func wait() async {
        self.state.withLock { $0.hasArrived = true }
        await withCheckedContinuation { continuation in
            let isOpen = self.state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func arrival() async {
        while !self.state.withLock({ $0.hasArrived }) { await Task.yield() }
    }

    func open() {
        let waiting = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension Application {
    /// Sends a request with cookies, and takes those that the response sets, as a browser does.
    func answer(
        _ method: HTTPRequest.Method,
        _ path: String,
        parameters: [(name: String, value: String)],
        cookies: inout [String: String],
        body: String
    ) async -> (response: Response, text: String) {
        var client = InProcessClient(self, parameters: Dictionary(parameters.map { ($0.name, $0.value) }) { $1 })
        client.cookies = cookies
        do {
            let received = try await client.send(method, path, body: Array(body.utf8))
            cookies = client.cookies
            return (received.response, received.text)
        } catch {
            Issue.record(error)
            return (Response.text("", status: .internalServerError), "")
        }
    }
}
