import ParanoidFastCGI
import Synchronization

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
