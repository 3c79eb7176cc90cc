internal import HTTPTypes
internal import Logging

/// Refuses requests to hosts that are not the application's own: a page that builds links from the field `Host`, or a cache, would otherwise serve
/// whoever names another one.
///
/// ```swift
/// app.add(middleware: AllowedHosts(["shop.example", "*.shop.example"]))
/// ```
///
/// Others get 400, and so do requests that name no host. Over HTTP/3 nginx sends no `HTTP_HOST` unless it is told to, see <doc:Behind-nginx>.
public struct AllowedHosts: HTTPMiddleware {
    private let hosts: Set<[UInt8]>
    private let suffixes: [[UInt8]]

    /// Creates the check.
    ///
    /// - Parameter hosts: Names or addresses without port, IPv6 addresses in brackets; `*.` in front stands for one or more labels.
    public init(_ hosts: [String]) {
        let names = hosts.map { $0.utf8.map(Self.lowercase) }
        self.hosts = Set(names.filter { !$0.starts(with: "*.".utf8) })
        self.suffixes = names.filter { $0.starts(with: "*.".utf8) }.map { Array($0.dropFirst()) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        guard let field = request.parameters.bytes(of: "HTTP_HOST"), let host = Self.host(in: field), self.admits(host) else {
            request.logger.notice("request refused", metadata: ["request.reason": "host"])
            throw HTTPError(.badRequest, message: "This host is not served here.")
        }
        return try await next.handle(request)
    }

    private func admits(_ host: [UInt8]) -> Bool {
        self.hosts.contains(host)
            || self.suffixes.contains { host.count > $0.count && host.suffix($0.count) == $0[...] && host[0] != UInt8(ascii: ".") }
    }

    /// The host of the field in lower case, without the port and without the dot of the root; `nil` for what is none.
    private static func host(in field: [UInt8]) -> [UInt8]? {
        var host = field.map(Self.lowercase)[...]
        if let colon = host.lastIndex(of: UInt8(ascii: ":")), host.last != UInt8(ascii: "]") {
            let port = host[(colon + 1)...]
            guard port.count <= 5, port.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
            host = host[..<colon]
        }
        if host.last == UInt8(ascii: ".") { host = host.dropLast() }
        return host.isEmpty ? nil : Array(host)
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte }
}
