public import HTTPTypes

/// Lets pages of other origins read responses (cross-origin resource sharing, Fetch standard, section 3.2).
///
/// ```swift
/// app.add(middleware: CORS(origins: ["https://shop.example"], below: "/api"))
/// ```
///
/// It answers a browser's preflight itself, for paths and methods that no route has as well, so add it to the application and not to a group.
/// Responses to errors get its fields, too. A page of another origin is told nothing: its browser keeps the response from it. This is no protection
/// of the server; `CSRFProtection` is, and it has a list of origins of its own.
public struct CORS: HTTPMiddleware {
    private let origins: Set<[UInt8]>
    private let isOpen: Bool
    private let prefix: [UInt8]
    private let methods: [HTTPRequest.Method]
    private let headers: [HTTPField.Name]
    private let exposed: String
    private let allowsCredentials: Bool
    private let maximumAge: Duration

    /// Creates the middleware.
    ///
    /// - Parameters:
    ///   - origins: The origins, such as `https://shop.example`, or `*` alone for all of them. `*` with `allowsCredentials` stops the
    ///     program, as it would let every page act in the name of its visitor. `null` with `allowsCredentials` does the same and stops it, too.
    ///   - prefix: The path that it is for, and all below it; `/` is all.
    ///   - methods: The methods that these pages may use.
    ///   - headers: The header fields that these pages may send beside those that need no permission.
    ///   - exposing: The header fields of responses that these pages may read beside those that need no permission.
    ///   - allowsCredentials: Whether these pages get the responses to requests that carry cookies.
    ///   - maximumAge: How long browsers keep the answer to a preflight, in whole seconds.
    public init(
        origins: [String],
        below prefix: String = "/",
        methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete],
        headers: [HTTPField.Name] = [.contentType],
        exposing: [HTTPField.Name] = [],
        allowsCredentials: Bool = false,
        maximumAge: Duration = .seconds(600)
    ) {
        self.isOpen = origins.contains("*")
        precondition(!self.isOpen || (origins.count == 1 && !allowsCredentials), "the origin * stands alone, and without credentials")
        // Any page sends the origin null from a sandboxed frame: it is no less open than the star.
        precondition(!allowsCredentials || !origins.contains("null"), "the origin null stands without credentials")
        self.origins = Set(origins.map { WebOrigin.normalised(Array($0.utf8)) })
        var bytes = Array(prefix.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        self.prefix = bytes
        self.methods = methods
        self.headers = headers
        self.exposed = exposing.map(\.rawName).joined(separator: ", ")
        self.allowsCredentials = allowsCredentials
        self.maximumAge = maximumAge
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        guard request.isRouted(below: self.prefix, isWhole: true) else { return try await next.handle(request) }
        let origin = self.admittedOrigin(of: request)
        if request.method == .options, request.parameters.bytes(of: "HTTP_ACCESS_CONTROL_REQUEST_METHOD") != nil {
            return try self.preflight(request, origin)
        }
        let fields = try self.fields(for: origin)
        for (name, value) in fields { request.addErrorHeader(value, for: name) }
        var response = try await next.handle(request)
        for (name, value) in fields { try response.addHeader(value, for: name) }
        return response
    }

    /// The text of the origin if it may read the response.
    private func admittedOrigin(of request: Request) -> String? {
        guard let origin = request.parameters.bytes(of: "HTTP_ORIGIN") else { return nil }
        if self.isOpen { return "*" }
        return self.origins.contains(origin) ? String(decoding: origin, as: UTF8.self) : nil
    }

    /// The fields of every response; one that depends on the origin says so to caches also when it has none.
    private func fields(for origin: String?) throws -> [(name: HTTPField.Name, value: String)] {
        var fields: [(name: HTTPField.Name, value: String)] = self.isOpen ? [] : [(.vary, "Origin")]
        guard let origin else { return fields }
        fields.append((.accessControlAllowOrigin, origin))
        if self.allowsCredentials { fields.append((.accessControlAllowCredentials, "true")) }
        if !self.exposed.isEmpty { fields.append((.accessControlExposeHeaders, self.exposed)) }
        return fields
    }

    private func preflight(_ request: Request, _ origin: String?) throws -> Response {
        var response = Response.empty()
        for (name, value) in try self.fields(for: origin) where name != .accessControlExposeHeaders {
            try response.addHeader(value, for: name)
        }
        guard origin != nil else { return response }
        try response.setHeader(self.methods.map(\.rawValue).joined(separator: ", "), for: .accessControlAllowMethods)
        if !self.headers.isEmpty {
            try response.setHeader(self.headers.map(\.rawName).joined(separator: ", "), for: .accessControlAllowHeaders)
        }
        try response.setHeader("\(max(0, self.maximumAge.components.seconds))", for: .accessControlMaxAge)
        return response
    }
}
