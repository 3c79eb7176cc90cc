internal import HTTPTypes
internal import Logging
public import ParanoidHTTP
internal import ParanoidSessions
internal import Synchronization

extension Application {
    /// Lets the web server ask whether a request for something else may pass: files, PHP, any upstream.
    ///
    /// The guard judges its session as that of every other request.
    ///
    /// ```swift
    /// app.gate("/gate")
    /// ```
    ///
    /// nginx asks with `auth_request` (`nginx/paranoid_gate.conf`), other web servers with the FastCGI role authorizer, which asks the first gate.
    /// The answer is 204 for a request that may pass, with the user's name in `X-Paranoid-User`, percent-encoded; 401 for one without a user; 403 for one
    /// that another site has sent to change something, or that is not admitted. `Set-Cookie` fields are repeated as `X-Set-Cookie-1` and so on.
    /// A request without the parameter `ORIGINAL_URI` is none of the web server's and gets 404.
    ///
    /// - Parameters:
    ///   - path: The path of the questions, which only the web server itself may ask for.
    ///   - admits: Whether a user may pass; everybody who is logged in unless given. The parameters `ORIGINAL_URI` and `ORIGINAL_METHOD` say what is
    ///     asked for, for an authorizer `REQUEST_URI` and `REQUEST_METHOD`.
    public func gate(_ path: String, admits: @escaping @Sendable (String, Request) async throws -> Bool = { _, _ in true }) {
        self.gatePath.withLock { if $0 == nil { $0 = path } }
        self.get(path) { request in
            // A client that asks itself, through the application's own location, must not read cookies in fields that scripts can see.
            let isAuthorizer = request[AuthorizerQuestion.self] != nil
            guard isAuthorizer || request.parameter("ORIGINAL_URI") != nil else { throw HTTPError.notFound }
            var response = try await Self.verdict(on: request, admits)
            response.repeatsCookies = !isAuthorizer
            return response
        }
    }

    private static func verdict(
        on request: Request,
        _ admits: @Sendable (String, Request) async throws -> Bool
    ) async throws -> Response {
        let method = request.parameter("ORIGINAL_METHOD") ?? request.parameter("REQUEST_METHOD") ?? "GET"
        guard CSRFProtection.admitsOrigin(of: request, method: HTTPRequest.Method(method) ?? .post) else {
            request.logger.notice("request refused", metadata: ["request.reason": "crossSite"])
            return Response(status: .forbidden)
        }
        guard let user = try await request.session.user else { return Response(status: .unauthorized) }
        guard try await admits(user, request) else { return Response(status: .forbidden) }
        var response = Response(status: .noContent)
        var name: [UInt8] = []
        for byte in user.utf8 {
            if 0x21...0x7E ~= byte && byte != UInt8(ascii: "%") { name.append(byte) } else { PercentEncoding.append(byte, to: &name) }
        }
        if let field = HTTPField.Name("X-Paranoid-User") { try response.setHeader(String(decoding: name, as: UTF8.self), for: field) }
        return response
    }
}

/// Marks a request that an authorizer's web server has made.
struct AuthorizerQuestion: Sendable {}
