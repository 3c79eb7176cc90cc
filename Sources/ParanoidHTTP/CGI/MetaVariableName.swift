/// The parameters that are known by name, because something is decided by them.
///
/// No other parameter can make a request be refused, except by a name that is none or a header field that is none.
package enum MetaVariableName: UInt8, Sendable, Hashable, CaseIterable {
    case authType, contentLength, contentType, https, pathInfo, queryString, remoteAddress, remotePort, remoteUser, requestMethod
    case requestScheme, requestURI, scriptName, serverName, serverPort, serverProtocol, sslClientVerify
    case httpAuthorization, httpContentLength, httpContentType, httpCookie, httpForwarded, httpHost, httpOrigin, httpSecFetchSite
    case httpUserAgent, httpXForwardedFor, httpXForwardedHost, httpXForwardedProto, httpXRealIP

    /// What happens when a parameter arrives twice, as it does when a web server's configuration names it twice, or a client sends two header
    /// lines of one name to nginx before 1.23.
    package enum Repetition: Sendable {
        /// Two different values are refused: they decide who asks for what, and how long the request is.
        case refused
        /// The values are one list (RFC 9110, section 5.3).
        case joined
        /// The first value counts, here and in every look-up.
        case first
    }

    /// What happens when the parameter arrives twice.
    package var repetition: Repetition {
        switch self {
        case .remoteAddress, .https, .requestMethod, .requestURI, .contentLength, .httpHost, .httpCookie: .refused
        case .httpContentLength, .httpAuthorization, .httpOrigin, .httpSecFetchSite: .refused
        case .authType, .remoteUser, .sslClientVerify: .refused
        case .httpForwarded, .httpXForwardedFor: .joined
        case .contentType, .pathInfo, .queryString, .remotePort, .requestScheme, .scriptName, .serverName, .serverPort, .serverProtocol,
            .httpContentType, .httpUserAgent, .httpXForwardedHost, .httpXForwardedProto, .httpXRealIP:
            .first
        }
    }

    /// Whether the value decides something as it comes, so that one with control bytes refuses the request.
    ///
    /// The other values are looked up by handlers at most, or, as `SCRIPT_NAME` and `PATH_INFO`, decide only where something else is absent.
    package var isDeciding: Bool {
        switch self {
        case .pathInfo, .remotePort, .requestScheme, .scriptName, .serverName, .serverPort, .serverProtocol: false
        default: true
        }
    }

    /// Whether the parameter stands for a header field; those are the last cases.
    package var isHeaderField: Bool { self.rawValue >= Self.httpAuthorization.rawValue }

    /// The name on the wire.
    package var text: String {
        switch self {
        case .authType: "AUTH_TYPE"
        case .contentLength: "CONTENT_LENGTH"
        case .contentType: "CONTENT_TYPE"
        case .https: "HTTPS"
        case .pathInfo: "PATH_INFO"
        case .queryString: "QUERY_STRING"
        case .remoteAddress: "REMOTE_ADDR"
        case .remotePort: "REMOTE_PORT"
        case .remoteUser: "REMOTE_USER"
        case .requestMethod: "REQUEST_METHOD"
        case .requestScheme: "REQUEST_SCHEME"
        case .requestURI: "REQUEST_URI"
        case .scriptName: "SCRIPT_NAME"
        case .serverName: "SERVER_NAME"
        case .serverPort: "SERVER_PORT"
        case .serverProtocol: "SERVER_PROTOCOL"
        case .sslClientVerify: "SSL_CLIENT_VERIFY"
        case .httpAuthorization: "HTTP_AUTHORIZATION"
        case .httpContentLength: "HTTP_CONTENT_LENGTH"
        case .httpContentType: "HTTP_CONTENT_TYPE"
        case .httpCookie: "HTTP_COOKIE"
        case .httpForwarded: "HTTP_FORWARDED"
        case .httpHost: "HTTP_HOST"
        case .httpOrigin: "HTTP_ORIGIN"
        case .httpSecFetchSite: "HTTP_SEC_FETCH_SITE"
        case .httpUserAgent: "HTTP_USER_AGENT"
        case .httpXForwardedFor: "HTTP_X_FORWARDED_FOR"
        case .httpXForwardedHost: "HTTP_X_FORWARDED_HOST"
        case .httpXForwardedProto: "HTTP_X_FORWARDED_PROTO"
        case .httpXRealIP: "HTTP_X_REAL_IP"
        }
    }

    /// Recognises a name byte by byte; `nil` when it is not one of these.
    package init?(_ name: RawSpan) {
        guard let candidate = Self.candidate(name) else { return nil }
        self = candidate
    }

    // The length and at most one more byte leave one candidate, which is then compared in full.
    private static func candidate(_ name: RawSpan) -> MetaVariableName? {
        switch name.byteCount {
        case 5: name.equals(literal: "HTTPS") ? .https : nil
        case 9:
            name.equals(literal: "PATH_INFO")
                ? .pathInfo : name.equals(literal: "HTTP_HOST") ? .httpHost : name.equals(literal: "AUTH_TYPE") ? .authType : nil
        case 11: Self.elevenBytes(name)
        case 12: name.equals(literal: "CONTENT_TYPE") ? .contentType : name.equals(literal: "QUERY_STRING") ? .queryString : nil
        case 14: Self.fourteenBytes(name)
        case 15: name.equals(literal: "SERVER_PROTOCOL") ? .serverProtocol : name.equals(literal: "HTTP_USER_AGENT") ? .httpUserAgent : nil
        case 17:
            name.equals(literal: "HTTP_CONTENT_TYPE")
                ? .httpContentType : name.equals(literal: "SSL_CLIENT_VERIFY") ? .sslClientVerify : nil
        case 18: name.equals(literal: "HTTP_AUTHORIZATION") ? .httpAuthorization : nil
        case 19:
            name.equals(literal: "HTTP_CONTENT_LENGTH")
                ? .httpContentLength : name.equals(literal: "HTTP_SEC_FETCH_SITE") ? .httpSecFetchSite : nil
        case 20: name.equals(literal: "HTTP_X_FORWARDED_FOR") ? .httpXForwardedFor : nil
        case 21: name.equals(literal: "HTTP_X_FORWARDED_HOST") ? .httpXForwardedHost : nil
        case 22: name.equals(literal: "HTTP_X_FORWARDED_PROTO") ? .httpXForwardedProto : nil
        default: nil
        }
    }

    private static func elevenBytes(_ name: RawSpan) -> MetaVariableName? {
        switch name.byte(at: 10) {
        case UInt8(ascii: "R"):
            name.equals(literal: "REMOTE_ADDR") ? .remoteAddress : name.equals(literal: "REMOTE_USER") ? .remoteUser : nil
        case UInt8(ascii: "E"):
            name.equals(literal: "HTTP_COOKIE")
                ? .httpCookie : name.equals(literal: "SCRIPT_NAME") ? .scriptName : name.equals(literal: "SERVER_NAME") ? .serverName : nil
        case UInt8(ascii: "T"): name.equals(literal: "REMOTE_PORT") ? .remotePort : name.equals(literal: "SERVER_PORT") ? .serverPort : nil
        case UInt8(ascii: "I"): name.equals(literal: "REQUEST_URI") ? .requestURI : nil
        case UInt8(ascii: "N"): name.equals(literal: "HTTP_ORIGIN") ? .httpOrigin : nil
        default: nil
        }
    }

    private static func fourteenBytes(_ name: RawSpan) -> MetaVariableName? {
        switch name.byte(at: 13) {
        case UInt8(ascii: "D"):
            name.equals(literal: "REQUEST_METHOD") ? .requestMethod : name.equals(literal: "HTTP_FORWARDED") ? .httpForwarded : nil
        case UInt8(ascii: "H"): name.equals(literal: "CONTENT_LENGTH") ? .contentLength : nil
        case UInt8(ascii: "E"): name.equals(literal: "REQUEST_SCHEME") ? .requestScheme : nil
        case UInt8(ascii: "P"): name.equals(literal: "HTTP_X_REAL_IP") ? .httpXRealIP : nil
        default: nil
        }
    }
}
