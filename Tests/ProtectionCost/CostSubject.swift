internal import FileSessionStore
internal import ParanoidHTTP
internal import ParanoidSessions
internal import HTTPTypes
internal import ParanoidLinux
internal import Logging
internal import Synchronization

/// The sessions of one variant, and the clients that use them in turn.
final class CostSubject {
    let variant: CostVariant
    let store: any SessionStore
    let clock = CostClock()
    private let middleware: SessionMiddleware
    private let handler: any HTTPHandler
    private let unexpected = Mutex(0)
    private let logger = Logger(label: "cost") { _ in SwiftLogNoOpLogHandler() }
    private var jars: [[String: String]]
    private var next = 0
    /// CPU nanoseconds per request, one figure for each round.
    private(set) var figures: [Int64] = []

    init(_ variant: CostVariant, sessions: Int = 16, directory: String) throws {
        self.variant = variant
        self.jars = [[String: String]](repeating: [:], count: sessions)
        self.store =
            variant.keepsFiles
            ? try FileSessionStore(configuration: FileSessionStoreConfiguration(directory: directory), logger: self.logger)
            : MemorySessionStore()
        var random = SystemRandom()
        let repository = SessionRepository(
            store: self.store,
            secrets: try ServerSecrets([ServerSecret(number: 1, using: &random)]),
            configuration: variant.repository
        )
        self.middleware = SessionMiddleware(repository: repository, configuration: variant.sessions, clock: self.clock)
        let hits = SessionKey<Int>("hits")
        let use = variant.use
        self.handler = ClosureHandler { request in
            switch use {
            case .nothing: break
            case .read: if try await request.session.value(hits) == nil { try await request.session.set(hits, to: 1) }
            case .write: try await request.session.update(hits, default: 0) { $0 += 1 }
            }
            return Response.text("x")
        }
    }

    /// Begins the sessions.
    func prepare() async throws {
        for _ in self.jars.indices { _ = try await self.request(self.handler) }
        try await self.verify()
    }

    /// One round of requests.
    func measure(_ count: Int) async throws {
        let start = CostClock.processor()
        for _ in 0..<count { _ = try await self.request(self.handler) }
        self.figures.append((CostClock.processor() - start) / Int64(count))
    }

    /// Whether the guard accepts each session's next request, which is not measured.
    func verify() async throws {
        guard self.variant.use != .nothing else { return }
        let asking = ClosureHandler { request in Response.text(try await request.session.guardVerdict.rawValue) }
        for _ in self.jars.indices {
            guard case .bytes(let bytes) = try await self.request(asking).body.content, bytes.elementsEqual("accepted".utf8) else {
                self.unexpected.withLock { $0 += 1 }
                continue
            }
        }
    }

    /// How many requests were not accepted that should have been.
    var refusals: Int { self.unexpected.withLock { $0 } }

    /// The median of the rounds in microseconds.
    var microseconds: Double { Self.median(self.figures.map { Double($0) / 1000 }) }

    /// What part of another one's time this one needs: the median of the rounds, each compared with the other's of the same round.
    func share(of other: CostSubject) -> Double {
        Self.median(zip(self.figures, other.figures).map { Double($0) / Double($1) })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }

    private func request(_ handler: any HTTPHandler) async throws -> Response {
        let place = self.next
        self.next = (place + 1) % self.jars.count
        self.clock.advance(by: .nanoseconds(Int64(self.variant.pause * 1e9) / Int64(self.jars.count)))
        var parameters = InMemoryParameters([
            "REQUEST_METHOD": "GET", "REQUEST_URI": "/", "SERVER_PROTOCOL": "HTTP/2.0", "REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "40000",
            "HTTP_HOST": "localhost", "HTTP_ACCEPT": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.7,de;q=0.3", "HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_SEC_FETCH_MODE": "navigate",
        ])
        if !self.jars[place].isEmpty {
            let field = self.jars[place].map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            parameters.append(name: Array("HTTP_COOKIE".utf8), value: Array(field.utf8))
        }
        let request = Request(
            method: .get,
            rawPath: "/",
            isSecure: self.variant.isSecure,
            clientAddress: "192.0.2.7",
            parameters: parameters,
            headerFields: { HTTPFields() },
            logger: self.logger
        )
        let response = try await self.middleware.handle(request, next: handler)
        for cookie in response.cookies { self.jars[place][cookie.name] = cookie.maxAge == .zero ? nil : cookie.value }
        return response
    }
}
