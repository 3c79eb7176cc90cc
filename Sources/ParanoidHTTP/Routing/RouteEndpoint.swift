/// A registered handler; requests refer to it once they are routed.
final class RouteEndpoint: Sendable {
    let handler: any HTTPHandler
    /// The pattern; `nil` for the answers that the router gives itself.
    let pattern: String?
    let names: [String]

    init(_ handler: any HTTPHandler, pattern: String?, names: [String] = []) {
        self.handler = handler
        self.pattern = pattern
        self.names = names
    }
}
