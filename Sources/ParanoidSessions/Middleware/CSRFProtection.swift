public import ParanoidHTTP
package import HTTPTypes
internal import Logging

/// Refuses requests that another site makes a user's browser send (cross-site request forgery), login forms included.
///
/// Every request whose method is not safe (GET, HEAD, OPTIONS, TRACE) has to come from our own pages as far as the browser says, and to carry
/// a token of its session (``Session/csrfToken``): in the header field `X-CSRF-Token`, or named `csrf_token` in the body. A url-encoded form may
/// have it anywhere; in a `multipart/form-data` body it is the first part and in JSON the first member, so that the rest can be read as it comes.
/// Others get 403 before the handler runs.
///
/// ```swift
/// app.add(middleware: CSRFProtection())
/// ```
public struct CSRFProtection: HTTPMiddleware {
    private static let fieldName = "csrf_token"

    private let origins: OriginCheck
    private let exemptPaths: [[UInt8]]
    private let onRefusal: @Sendable (Request, RequestRefusal.Reason) -> Void

    /// Creates the protection.
    ///
    /// - Parameters:
    ///   - trustedOrigins: Other origins whose pages may send requests, such as `https://shop.example`. They need a token, too.
    ///   - exemptPaths: Paths that need no token, and all below them: for callers that do not use cookies, such as webhooks. Requests that a
    ///     browser says to come from another site are refused there, too.
    ///   - onRefusal: Told of each request that is refused.
    public init(
        trustedOrigins: [String] = [],
        exemptPaths: [String] = [],
        onRefusal: @escaping @Sendable (Request, RequestRefusal.Reason) -> Void = { _, _ in }
    ) {
        self.origins = OriginCheck(trustedOrigins: trustedOrigins)
        self.exemptPaths = exemptPaths.map { path in
            var bytes = Array(path.utf8)
            while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
            return bytes
        }
        self.onRefusal = onRefusal
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        if let reason = try await self.objection(to: request) {
            request.logger.notice("request refused", metadata: ["request.reason": "\(reason.rawValue)"])
            self.onRefusal(request, reason)
            throw RequestRefusal(reason)
        }
        return try await next.handle(request)
    }

    private func objection(to request: Request) async throws -> RequestRefusal.Reason? {
        if request.method.isSafe { return nil }
        guard self.origins.admits(request) else { return .crossSite }
        if self.isExempt(request) { return nil }
        // Over plain HTTP no token can be right: that is said for what it is, before the handler has changed anything.
        try request.session.transaction.requireHTTPS()
        guard let token = try await Self.token(of: request) else { return .tokenMissing }
        return try await request.session.verifies(csrfToken: token) ? nil : .tokenWrong
    }

    /// Whether our own pages have sent a request, or it asks for no change, as far as the browser says.
    package static func admitsOrigin(of request: Request, method: HTTPRequest.Method) -> Bool {
        method.isSafe || OriginCheck().admits(request)
    }

    private func isExempt(_ request: Request) -> Bool {
        self.exemptPaths.contains { request.isRouted(below: $0, isWhole: true) }
    }

    private static func token(of request: Request) async throws -> [UInt8]? {
        if let token = request.parameters.bytes(of: "HTTP_X_CSRF_TOKEN") { return token }
        if let boundary = Multipart.boundary(of: request) {
            let beginning = try await Self.beginning(of: request) {
                Multipart.firstField(Self.fieldName, in: $0, boundary: boundary) != .undecided
            }
            guard case .value(let token) = Multipart.firstField(Self.fieldName, in: beginning, boundary: boundary) else { return nil }
            return token
        }
        if request.hasJSON {
            return JSONFirstMember.text(
                named: Self.fieldName,
                in: try await Self.beginning(of: request) {
                    JSONFirstMember.text(named: Self.fieldName, in: $0) != nil
                }
            )
        }
        let form: FormFields
        do {
            form = try await request.form()
        } catch let error as HTTPError where error.status == .unsupportedMediaType {
            return nil
        }
        return form.first(named: Self.fieldName).map { Array($0.utf8) }
    }

    /// What the body begins with; the handler reads it again.
    private static func beginning(of request: Request, until isEnough: @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        try await request.body.peek(upTo: Self.longestBeginning, until: isEnough)
    }

    /// A token has less than 100 bytes, and the head of a part not many more.
    private static let longestBeginning = 4_096
}

extension Session {
    /// Whether a text is a CSRF token of this session, or of a client that has none yet; see ``csrfToken``.
    ///
    /// `CSRFProtection` asks this for every form; ask it yourself where a token comes another way, as in a part of a stream.
    public func verifies(csrfToken token: String) async throws -> Bool { try await self.verifies(csrfToken: Array(token.utf8)) }

    func verifies(csrfToken token: [UInt8]) async throws -> Bool {
        try await self.transaction.verifies(csrfToken: token)
    }
}

/// Whether a request comes from our own pages, as far as the browser says.
///
/// `Sec-Fetch-Site` and `Origin` are the browser's own words: pages can neither set nor change them. Clients that send neither are no
/// browsers of this decade; for what they send with a method that may change something, `Referer` counts where it is there, and else the
/// token alone.
struct OriginCheck: Sendable {
    private let trustedOrigins: Set<[UInt8]>

    init(trustedOrigins: [String] = []) {
        self.trustedOrigins = Set(trustedOrigins.map { WebOrigin.normalised(Array($0.utf8)) })
    }

    func admits(_ request: Request) -> Bool {
        let origin = (request.parameters.bytes(of: "HTTP_ORIGIN") ?? Self.origin(ofRefererOf: request)).map(WebOrigin.normalised)
        if let origin, self.trustedOrigins.contains(origin) { return true }
        // Before the origin: a proxy may have changed the host that the origin would be compared with.
        switch request.parameters.bytes(of: "HTTP_SEC_FETCH_SITE").map({ String(decoding: $0, as: UTF8.self) }) {
        case "same-origin"?, "none"?: return true
        case _?: return false
        case nil: break
        }
        return origin.map { Self.isOwn($0, of: request) } ?? true
    }

    /// Whether a link on a page of another origin was followed, as far as the browser says.
    static func isLinkedFromElsewhere(_ request: Request) -> Bool {
        guard request.method.isSafe, let origin = Self.origin(ofPageOf: request) else { return false }
        return !Self.isOwn(WebOrigin.normalised(origin), of: request)
    }

    private static func isOwn(_ origin: [UInt8], of request: Request) -> Bool {
        guard let host = request.parameters.bytes(of: "HTTP_HOST"), !host.isEmpty else { return false }
        let scheme = Array((request.isSecure ? "https://" : "http://").utf8)
        return origin == WebOrigin.normalised(scheme + host)
    }

    /// Scheme and host of the page that a form was sent from; `nil`: not said, or of no interest.
    private static func origin(ofRefererOf request: Request) -> [UInt8]? {
        request.method.isSafe ? nil : Self.origin(ofPageOf: request)
    }

    /// Scheme and host of the page that a request comes from; `nil`: not said.
    private static func origin(ofPageOf request: Request) -> [UInt8]? {
        guard let page = request.parameters.bytes(of: "HTTP_REFERER") else { return nil }
        let slashes = page.indices.filter { page[$0] == UInt8(ascii: "/") }
        guard slashes.count >= 2 else { return nil }
        return Array(page[..<(slashes.count > 2 ? slashes[2] : page.endIndex)])
    }
}
