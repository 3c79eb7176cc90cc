public import HTTPTypes
internal import Synchronization

/// Finds the handler for a request.
///
/// Register handlers and middleware first, from any thread, then ``freeze()``. Middleware of the router sees every request, those that no route has
/// included, and already knows ``Request/route``.
public final class Router: RouterMethods, Sendable {
    private struct State {
        var trie = RouteTrie<RouteEndpoint>()
        var middleware: [any HTTPMiddleware] = []
    }

    private let state = Mutex(State())

    /// Creates a router without routes.
    public init() {}

    /// Registers a handler, see ``RouterMethods/register(_:method:pattern:)``.
    public func register(_ handler: any HTTPHandler, method: HTTPRequest.Method, pattern text: String) {
        precondition(method != .trace && method != .connect, "\(method) cannot be registered: it is always refused")
        let pattern: RoutePattern
        do throws(RoutePatternError) {
            pattern = try RoutePattern(text)
        } catch {
            preconditionFailure("\(text) is not a pattern: \(error.message)")
        }
        let endpoint = RouteEndpoint(handler, pattern: text, names: pattern.names)
        let isNew = self.state.withLock { $0.trie.insert(endpoint, method: method, pattern: pattern) }
        precondition(isNew, "\(method) \(text) is registered already, perhaps with other names in its captures")
    }

    /// Adds middleware inside of what was added before.
    public func add(middleware: any HTTPMiddleware) {
        self.state.withLock { $0.middleware.append(middleware) }
    }

    /// The handler for everything registered so far; it never changes.
    ///
    /// It answers 400 to a path that cannot be used, 404 to one that no pattern matches, 405 with `Allow` when only other methods have a handler and
    /// always to TRACE and CONNECT, and OPTIONS with the methods. HEAD is answered as GET without the body. Errors of handlers are thrown on.
    public func freeze() -> any HTTPHandler {
        let (trie, middleware) = self.state.withLock { ($0.trie, $0.middleware) }
        return FrozenRouter(trie, middleware)
    }
}
