import ParanoidFastCGI
import ParanoidFastCGITesting
import Synchronization
import Testing

/// An application with a clock that the test moves, and without a log.
struct SessionApplication {
    let time = ManualClock()
    let app: Application

    init(_ change: (inout ApplicationConfiguration) -> Void = { _ in }) throws {
        var configuration = try ApplicationConfiguration.testing()
        change(&configuration)
        self.app = try Application(configuration: configuration, logger: .silent, clock: self.time)
    }

    func client() -> TestClient { TestClient(self.app) }
}

extension Logger {
    /// One that writes nothing.
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension TestClient {
    /// A client with a browser of this name.
    init(_ app: Application, agent: String) {
        self.init(app)
        self.userAgent = agent
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
