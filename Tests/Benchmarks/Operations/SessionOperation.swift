internal import ParanoidHTTP
internal import ParanoidSessions
internal import Synchronization

/// The session middleware with its guard, over a store in memory, and one client that follows its cookies.
struct SessionOperation {
    private let clock = WalkingClock()
    private let middleware: SessionMiddleware
    private let handler: ClosureHandler
    private var jar: [String: String] = [:]
    /// Those of the jar; made when it changes: what a client computes is not the operation's.
    private var parameters = Operation.parameters(cookies: nil)

    init(_ operation: Operation) throws {
        var generator = SystemRandomNumberGenerator()
        let repository = SessionRepository(
            store: MemorySessionStore(),
            secrets: try ServerSecrets([ServerSecret(number: 1, using: &generator)]),
            configuration: SessionRepositoryConfiguration()
        )
        self.middleware = SessionMiddleware(repository: repository, configuration: SessionSettings(), clock: self.clock)
        let hits = SessionKey<Int>("hits")
        self.handler = ClosureHandler { request in
            switch operation {
            case .read: if try await request.session.value(hits) == nil { try await request.session.set(hits, to: 1) }
            case .commit: try await request.session.update(hits, default: 0) { $0 += 1 }
            default: break
            }
            return Response.text("x")
        }
    }

    mutating func run(_ count: Int) async throws {
        for _ in 0..<count {
            let request = Operation.request("/", self.parameters)
            let response = try await self.middleware.handle(request, next: self.handler)
            let cookies = response.cookies
            guard !cookies.isEmpty else { continue }
            for cookie in cookies { self.jar[cookie.name] = cookie.maxAge == .zero ? nil : cookie.value }
            let field = self.jar.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            self.parameters = Operation.parameters(cookies: field)
        }
    }

    /// Goes on by 20 ms with each look, so that the nonce changes as it does in use.
    private final class WalkingClock: RequestClock {
        private let now = Mutex(Timestamp(secondsSinceEpoch: 1_800_000_000))

        func arrival(of request: Request, seenAt: Timestamp) -> Timestamp { seenAt }
        func completion(of request: Request) -> Timestamp { self.step() }

        private func step() -> Timestamp {
            self.now.withLock { now in
                now = now.advanced(by: .milliseconds(20))
                return now
            }
        }
    }
}
