package import HTTPTypes
internal import Synchronization

/// Finds the handler for a request.
///
/// Register handlers and middleware first, from any thread, then ``freeze()``. Middleware of the router sees every request, those that no route has
/// included, and already knows ``Request/route``.
package final class Router: RouterMethods, Sendable {
    private struct State {
        var trie = RouteTrie<RouteEndpoint>()
        var middleware: [any HTTPMiddleware] = []
        /// Method and pattern of each route, in the order of their numbers.
        var routes: [(method: String, pattern: String)] = []
    }

    /// Method and pattern of each route registered so far, the one with number 1 first; the same in each process of a program.
    package var routes: [(method: String, pattern: String)] { self.state.withLock { $0.routes } }

    private let state = Mutex(State())

    /// Creates a router without routes.
    package init() {}

    /// Registers a handler, see ``RouterMethods/register(_:method:pattern:)``.
    package func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern text: String) {
        precondition(method != .trace && method != .connect, "\(method) cannot be registered: it is always refused")
        let pattern: RoutePattern
        do throws(RoutePatternError) {
            pattern = try RoutePattern(text)
        } catch {
            preconditionFailure("\(text) is not a pattern: \(error.message)")
        }
        let (inner, limits) = LimitedHandler.unwrap(handler)
        let timed = limits.timeout.map { TimedHandler(inner, timeout: $0) as any HTTPHandler } ?? inner
        let isNew = self.state.withLock { state in
            state.routes.append((method.rawValue, text))
            let number = state.routes.count
            let endpoint = RouteEndpoint(timed, pattern: text, names: pattern.names, bodyLimit: limits.bodyLimit, number: number)
            return state.trie.insert(endpoint, method: method, pattern: pattern)
        }
        precondition(isNew, "\(method) \(text) is registered already, perhaps with other names in its captures")
    }

    /// Adds middleware inside of what was added before.
    package func add(middleware: any HTTPMiddleware) {
        self.state.withLock { $0.middleware.append(middleware) }
    }

    /// The handler for everything registered so far; it never changes.
    ///
    /// It throws ``HTTPError`` with status 400 for a path that cannot be used, 404 for one that no pattern matches, and 405 with `Allow` when only
    /// other methods have a handler and always for TRACE and CONNECT. OPTIONS gets the methods, HEAD the response of GET without the body.
    package func freeze() -> any HTTPHandler {
        let (trie, middleware) = self.state.withLock { ($0.trie, $0.middleware) }
        return FrozenRouter(trie, middleware)
    }
}

/// The immutable form of a router: the route is found first, then middleware and handler run.
struct FrozenRouter: HTTPHandler {
    private let trie: RouteTrie<RouteEndpoint>
    /// The middleware around the endpoint; `nil` when there is none, and each level costs.
    private let chain: (any HTTPHandler)?

    init(_ trie: RouteTrie<RouteEndpoint>, _ middleware: [any HTTPMiddleware]) {
        self.trie = trie
        self.chain = middleware.isEmpty ? nil : MiddlewareHandler.compose(middleware, around: EndpointHandler())
    }

    func handle(_ request: Request) async throws -> Response {
        var request = request
        self.route(&request)
        request.trace?.routed(to: request.endpoint, request)
        do {
            guard let chain else { return try await EndpointHandler().handle(request) }
            return try await chain.handle(request)
        } catch {
            request.head.failedEndpoint = request.endpoint
            throw error
        }
    }

    private func route(_ request: inout Request) {
        let method = request.method
        request.pathParameters = nil
        guard request.head.path.isValid else {
            request.endpoint = Self.badRequest
            return
        }
        let result = self.trie.search(request.rawPath, method: method)
        guard method != .trace, method != .connect else {
            request.endpoint = Self.refusal(Self.allowed(result.methods), .methodNotAllowed)
            return
        }
        if let (endpoint, values) = result.found {
            request.endpoint = endpoint
            if !values.isEmpty { request.pathParameters = PathParameters(names: endpoint.names, values: values) }
        } else if result.methods.isEmpty {
            request.endpoint = Self.notFound
        } else {
            request.endpoint = Self.refusal(Self.allowed(result.methods), method == .options ? .noContent : .methodNotAllowed)
        }
    }

    private static let badRequest = RouteEndpoint(BadPathHandler(), pattern: nil)
    private static let notFound = RouteEndpoint(ClosureHandler { _ in throw HTTPError.notFound }, pattern: nil)

    private static func refusal(_ allow: String, _ status: HTTPResponse.Status) -> RouteEndpoint {
        let handler = ClosureHandler { _ in
            guard status == .noContent else { throw HTTPError(status).adding(allow, for: .allow) }
            var response = Response.empty()
            try response.setHeader(allow, for: .allow)
            return response
        }
        return RouteEndpoint(handler, pattern: nil)
    }

    // Nothing is allowed where nothing is registered; an empty Allow says so (RFC 9110, section 10.2.1).
    private static func allowed(_ methods: [HTTPRequest.Method]) -> String {
        guard !methods.isEmpty else { return "" }
        var names = methods.map { $0.rawValue }
        if methods.contains(.get), !methods.contains(.head) { names.append("HEAD") }
        if !methods.contains(.options) { names.append("OPTIONS") }
        return names.sorted().joined(separator: ", ")
    }
}

/// Refuses a request whose path cannot be used.
private struct BadPathHandler: HTTPHandler {
    func handle(_ request: Request) async throws -> Response {
        try request.validate()
        throw HTTPError.badRequest
    }
}

/// Runs the endpoint that the router has put into the request.
private struct EndpointHandler: HTTPHandler {
    func handle(_ request: Request) async throws -> Response {
        guard let endpoint = request.endpoint else { throw HTTPError.notFound }
        // What the handler wanted changed does not happen, whatever a middleware makes of the error.
        do {
            var response = try await endpoint.handle(request)
            if request.method == .head { response.omitBody() }
            return response
        } catch {
            request.noteFailure()
            throw error
        }
    }
}

/// A registered handler; requests refer to it once they are routed.
final class RouteEndpoint: Sendable {
    /// Gives the response; the closure itself where the handler is one.
    let handle: @Sendable (Request) async throws -> Response
    /// The pattern; `nil` for the responses that the router gives itself.
    let pattern: String?
    let names: [String]
    /// The most bytes of a body; `nil`: what the application says.
    let bodyLimit: Int?
    /// Counts routes in the order of their registration, from 1; 0 for the responses that the router gives itself.
    let number: Int

    init(_ handler: any HTTPHandler, pattern: String?, names: [String] = [], bodyLimit: Int? = nil, number: Int = 0) {
        self.number = number
        self.bodyLimit = bodyLimit
        if let closure = handler as? ClosureHandler {
            self.handle = closure.body
        } else {
            self.handle = { try await handler.handle($0) }
        }
        self.pattern = pattern
        self.names = names
    }
}
