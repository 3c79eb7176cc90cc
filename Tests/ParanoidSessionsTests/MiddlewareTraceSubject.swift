import Foundation
import ParanoidHTTP
import ParanoidSessions
import HTTPTypes
import Logging
import Synchronization
import Testing
import TraceReplay

/// Plays traces on the session middleware: real cookies, real requests, handlers that are held, several "processes" over one store.
final class MiddlewareTraceSubject: TraceSubject {
    /// A request that is held after its handler.
    private final class Flight: Sendable {
        struct State {
            var completion: Timestamp?
            var status = 200
            var verdict = ""
            var sees: [Int]?
            var response: Response?
        }

        let state = Mutex(State())
        let held = AsyncStream<Void>.makeStream()
        let released = AsyncStream<Void>.makeStream()
        let finished = AsyncStream<Void>.makeStream()
    }

    private let handlers: [SessionMiddleware]
    private let configuration: SessionSettings
    private let clock = VirtualClock()
    private let dataKey: SessionKey<[Int]>
    private var flights: [Int: Flight] = [:]

    init(settings: TraceSettings, dataKey: String) throws {
        var generator = FreshRandom()
        let secrets = try ServerSecrets([ServerSecret(number: 7, using: &generator)])
        let store = MemorySessionStore()
        var configuration = SessionSettings(trace: settings)
        configuration.uncheckedPathPrefixes = ["/unchecked"]
        self.configuration = configuration
        self.dataKey = SessionKey<[Int]>(dataKey)
        self.handlers = (0..<4).map { [clock] _ in
            SessionMiddleware(
                repository: SessionRepository(store: store, secrets: secrets),
                configuration: configuration,
                clock: clock
            )
        }
    }

    func begin(_ traced: TraceRequest) async throws {
        let flight = Flight()
        self.flights[traced.number] = flight
        self.clock.arrivals.withLock { $0["\(traced.number)"] = Timestamp(trace: traced.time) }
        let request = self.request(traced)
        let handler = ClosureHandler { [dataKey] request in
            let session = request.session
            if traced.action == "logout" {
                try await session.logOut()
            } else if traced.action != "none" {
                let sees = try await session.value(dataKey) ?? []
                flight.state.withLock { $0.sees = sees }
                if traced.action != "read" { try await session.merge(dataKey, default: []) { $0.append(traced.number) } }
                if traced.action.hasPrefix("expire:") {
                    try await session.setLifetime(SessionLifetime(recordedSeconds: Int64(traced.action.dropFirst(7))))
                }
            }
            if !traced.isFiltered || traced.action != "none" {
                let verdict = try await session.guardVerdict
                flight.state.withLock { $0.verdict = verdict.rawValue }
            } else {
                flight.state.withLock { $0.verdict = "unchecked" }
            }
            flight.held.continuation.finish()
            for await _ in flight.released.stream {}
            return Response(status: HTTPResponse.Status(code: flight.state.withLock { $0.status }))
        }
        let middleware = self.handlers[traced.process % self.handlers.count]
        Task {
            let response = try await middleware.handle(request, next: handler)
            flight.state.withLock { $0.response = response }
            flight.held.continuation.finish()
            flight.finished.continuation.finish()
        }
        for await _ in flight.held.stream {}
    }

    func end(_ number: Int, at time: Double, status: Int) async throws -> TraceAnswer {
        guard let flight = self.flights.removeValue(forKey: number) else { preconditionFailure("request \(number) was not begun") }
        flight.state.withLock { $0.status = status }
        self.clock.completions.withLock { $0["\(number)"] = Timestamp(trace: time) }
        flight.released.continuation.finish()
        for await _ in flight.finished.stream {}
        let (verdict, sees, response) = flight.state.withLock { ($0.verdict, $0.sees, $0.response) }
        let answer = try #require(response)
        return TraceAnswer(verdict: verdict, sees: sees, status: answer.status.code, cookies: self.cookies(of: answer))
    }

    func abort(_ number: Int) async throws -> TraceAnswer {
        // The worker dies: the request is never let go on.
        let state = self.flights[number]?.state.withLock { ($0.verdict, $0.sees) }
        return TraceAnswer(verdict: state?.0 ?? "", sees: state?.1, status: 200, cookies: [:])
    }

    private func request(_ traced: TraceRequest) -> Request {
        var parameters = InMemoryParameters()
        for (name, value) in traced.headers { parameters.append(name: Array(name.utf8), value: Array(value.utf8)) }
        let names = self.configuration.cookies
        let texts = [(names.sessionName, CookieKind.session), (names.nonceName, .nonce), (names.secondName, .secureKey)]
            .compactMap { name, kind in traced.cookies[kind].map { "\(name)=\($0)" } }
        if !texts.isEmpty { parameters.append(name: Array("HTTP_COOKIE".utf8), value: Array(texts.joined(separator: "; ").utf8)) }
        parameters.append(name: Array("TRACE_REQUEST".utf8), value: Array("\(traced.number)".utf8))
        return Request(
            method: .get,
            rawPath: traced.isFiltered ? "/unchecked" : "/checked",
            isSecure: traced.isSecure,
            parameters: parameters,
            headerFields: { HTTPFields() },
            logger: Logger(label: "trace") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func cookies(of response: Response) -> [CookieKind: TraceCookie] {
        let names = self.configuration.cookies
        let kinds = [names.sessionName: CookieKind.session, names.nonceName: .nonce, names.secondName: .secureKey]
        var cookies: [CookieKind: TraceCookie] = [:]
        for cookie in response.cookies {
            guard let kind = kinds[cookie.name] else { continue }
            let maxAge = cookie.maxAge.map { Int($0.components.seconds) }
            cookies[kind] = TraceCookie(value: cookie.value, isSecure: cookie.secure, maxAge: maxAge, isDeletion: maxAge == 0)
        }
        return cookies
    }
}

/// Times by request, as the trace says.
final class VirtualClock: RequestClock {
    let arrivals = Mutex<[String: Timestamp]>([:])
    let completions = Mutex<[String: Timestamp]>([:])

    func arrival(of request: Request, seenAt: Timestamp) -> Timestamp { self.arrival(of: request) }

    private func arrival(of request: Request) -> Timestamp {
        self.arrivals.withLock { $0[request.parameters.text(of: "TRACE_REQUEST") ?? ""] } ?? .distantPast
    }

    func completion(of request: Request) -> Timestamp {
        self.completions.withLock { $0[request.parameters.text(of: "TRACE_REQUEST") ?? ""] } ?? self.arrival(of: request)
    }
}

extension SessionSettings {
    init(trace settings: TraceSettings) {
        self.init(profile: .compatible)
        self.guardSettings = GuardSettings(trace: settings)
        self.checkedParameters = settings["PSESSION_CHECK_HEADERS"].list ?? []
        self.reservedKey = settings["PSESSION_SESSION_KEY"].text ?? self.reservedKey
        self.cookies.sessionName = settings["SESSION_COOKIE_NAME"].text ?? "sessionid"
        self.cookies.nonceName = settings["PSESSION_COOKIE_NAME"].text ?? "sessionnonce"
        self.cookies.secondName = settings["PSESSION_SECURE_COOKIE_NAME"].text ?? "sessionid_https"
        self.cookies.path = settings["SESSION_COOKIE_PATH"].text ?? "/"
        self.cookies.domain = settings["SESSION_COOKIE_DOMAIN"].text
        self.cookies.isSecure = settings["SESSION_COOKIE_SECURE"].flag
        self.cookies.isHTTPOnly = settings["PSESSION_COOKIE_HTTPONLY"].flag
        self.cookies.sameSite = nil
    }
}
