/// Checks all parameters of a request in one pass and keeps the few that every request needs.
///
/// A parameter that is not known by name decides nothing, so its value is not looked at unless it is a header field. What happens to one that
/// arrives twice is said in ``MetaVariableName/repetition``.
/// Give it every parameter with ``add(name:value:)``, then ask for the result with ``finish()``. It copies nothing else.
package struct MetaVariableReader: Sendable {
    /// The longest request target or query, in bytes.
    package static let maximumTargetLength = 16_384
    /// The longest `Cookie` field, in bytes.
    package static let maximumCookieLength = 16_384
    /// The longest name of a parameter, in bytes.
    package static let maximumNameLength = 256

    private var seen: UInt64 = 0
    /// Digests of the values that are compared when they repeat, and not kept.
    private var digests = InlineArray<8, Int>(repeating: 0)
    private var method = ""
    private var requestURI: String?
    private var scriptName: String?
    private var pathInfo: String?
    /// Why `SCRIPT_NAME` or `PATH_INFO` cannot be used; it counts only where they decide, which is without a `REQUEST_URI`.
    private var pathProblem: MetaVariableError?
    private var query: String?
    private var isSecure = false
    private var contentLength: Int?
    private var headerContentLength: Int?
    private var contentType: String?
    private var remoteAddress = ""
    private var serverProtocol = ""

    /// Creates a reader that has seen nothing.
    package init() {}

    /// Looks at the next parameter.
    ///
    /// - Throws: ``MetaVariableError`` when the request has to be refused.
    package mutating func add(name: RawSpan, value: RawSpan) throws(MetaVariableError) {
        guard let known = MetaVariableName(name) else {
            try Self.check(name: name)
            if name.starts(with: "HTTP_"), value.containsControlOtherThanTab() { throw MetaVariableError(.controlByte) }
            // Apache's SERVER_SIGNATURE ends in a line feed; what decides nothing is not looked at.
            return
        }
        // HTAB is optional white space in header fields (RFC 9110, section 5.5) and has no business elsewhere.
        if known.isHeaderField {
            if value.containsControlOtherThanTab() { throw MetaVariableError(.controlByte, known) }
        } else if known.isDeciding, value.containsControl() {
            throw MetaVariableError(.controlByte, known)
        }
        let isFirst = try self.note(known, value)
        if isFirst { try self.keep(known, value) }
    }

    /// Whether the parameter arrives for the first time.
    private mutating func note(_ known: MetaVariableName, _ value: RawSpan) throws(MetaVariableError) -> Bool {
        let bit = UInt64(1) << UInt64(known.rawValue)
        let isFirst = self.seen & bit == 0
        self.seen |= bit
        guard case .refused = known.repetition else { return isFirst }
        if isFirst {
            if let place = Self.place(of: known) { self.digests[place] = Self.digest(value) }
        } else if try !self.isSame(known, value) {
            throw MetaVariableError(.duplicate, known)
        }
        return isFirst
    }

    private func isSame(_ known: MetaVariableName, _ value: RawSpan) throws(MetaVariableError) -> Bool {
        switch known {
        case .requestMethod: value.equals(self.method)
        case .requestURI: value.equals(self.requestURI ?? "")
        case .remoteAddress: value.equals(self.remoteAddress)
        case .https: Self.saysSecure(value) == self.isSecure
        case .contentLength: try Self.length(value, known) == self.contentLength
        case .httpContentLength: try Self.length(value, known) == self.headerContentLength
        default: Self.place(of: known).map { self.digests[$0] == Self.digest(value) } ?? false
        }
    }

    /// A keyed hash in the place of a copy: nobody can find two values that share one, and nothing is allocated.
    private static func digest(_ value: RawSpan) -> Int {
        var hasher = Hasher()
        unsafe value.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    private static func place(of known: MetaVariableName) -> Int? {
        switch known {
        case .httpHost: 0
        case .httpCookie: 1
        case .httpAuthorization: 2
        case .httpOrigin: 3
        case .httpSecFetchSite: 4
        case .authType: 5
        case .remoteUser: 6
        case .sslClientVerify: 7
        default: nil
        }
    }

    /// Puts the parts together.
    ///
    /// - Throws: ``MetaVariableError`` when something is missing or contradicts itself.
    package func finish() throws(MetaVariableError) -> MetaVariables {
        if self.method.isEmpty { throw MetaVariableError(.missing, .requestMethod) }
        if let header = self.headerContentLength, let length = self.contentLength, header != length {
            throw MetaVariableError(.conflict, .contentLength)
        }
        let (path, query) = try self.target()
        return MetaVariables(
            method: self.method,
            rawPath: path,
            rawQuery: self.query ?? query,
            isSecure: self.isSecure,
            // Without CONTENT_LENGTH the client's own field says how long its body is. A body that the web server withheld is then one that was
            // cut, for a handler that reads it.
            contentLength: self.contentLength ?? self.headerContentLength,
            contentType: self.contentType,
            remoteAddress: self.remoteAddress,
            serverProtocol: self.serverProtocol
        )
    }

    private mutating func keep(_ known: MetaVariableName, _ value: RawSpan) throws(MetaVariableError) {
        switch known {
        case .requestMethod:
            self.method = try Self.method(value)
        case .requestURI:
            self.requestURI = try Self.target(value, known)
        case .scriptName:
            self.scriptName = self.path(value, known)
        case .pathInfo:
            self.pathInfo = self.path(value, known)
        case .queryString:
            self.query = try Self.target(value, known)
        case .https:
            self.isSecure = Self.saysSecure(value)
        case .contentLength:
            self.contentLength = try Self.length(value, known)
        case .httpContentLength:
            self.headerContentLength = try Self.length(value, known)
        case .contentType:
            if !value.isEmpty { self.contentType = try Self.printable(value, known) }
        case .remoteAddress:
            self.remoteAddress = try Self.printable(value, known)
        case .serverProtocol:
            if !value.containsControl(), let text = try? Self.printable(value, known) { self.serverProtocol = text }
        case .httpCookie:
            if value.byteCount > Self.maximumCookieLength { throw MetaVariableError(.tooLong, known) }
        case .authType, .remotePort, .remoteUser, .requestScheme, .serverName, .serverPort, .sslClientVerify, .httpAuthorization,
            .httpContentType, .httpForwarded, .httpHost, .httpOrigin, .httpSecFetchSite, .httpUserAgent, .httpXForwardedFor,
            .httpXForwardedHost, .httpXForwardedProto, .httpXRealIP:
            break  // looked up where it is needed
        }
    }

    // A name with an equals sign would be another name in libfcgi's NAME=VALUE strings.
    private static func check(name: RawSpan) throws(MetaVariableError) {
        guard 1...Self.maximumNameLength ~= name.byteCount, !name.containsNonNameByte() else { throw MetaVariableError(.invalidName) }
    }

    private static func saysSecure(_ value: RawSpan) -> Bool {
        value.equals(literal: "on") || value.equals(literal: "1")
    }

    private static func method(_ value: RawSpan) throws(MetaVariableError) -> String {
        guard 1...32 ~= value.byteCount else { throw MetaVariableError(.malformed, .requestMethod) }
        for offset in 0..<value.byteCount where !value.byte(at: offset).isTokenByte {
            throw MetaVariableError(.malformed, .requestMethod)
        }
        return value.repairedText()
    }

    private static func target(_ value: RawSpan, _ name: MetaVariableName) throws(MetaVariableError) -> String {
        if value.byteCount > Self.maximumTargetLength { throw MetaVariableError(.tooLong, name) }
        guard let text = value.text() else { throw MetaVariableError(.malformed, name) }
        return text
    }

    /// A part of the path, which web servers send decoded: a client can put any byte into it.
    private mutating func path(_ value: RawSpan, _ name: MetaVariableName) -> String? {
        if let uri = self.requestURI, !uri.isEmpty { return nil }
        do throws(MetaVariableError) {
            if value.containsControl() { throw MetaVariableError(.controlByte, name) }
            return try Self.target(value, name)
        } catch {
            self.pathProblem = self.pathProblem ?? error
            return nil
        }
    }

    // Empty means unknown: that is what nginx sends for a GET. Caddy sends -1 for a body without length; a client's own field cannot say so.
    private static func length(_ value: RawSpan, _ name: MetaVariableName) throws(MetaVariableError) -> Int? {
        if value.isEmpty || (name == .contentLength && value.equals("-1")) { return nil }
        guard let length = Decimal.number(value) else { throw MetaVariableError(.malformed, name) }
        return length
    }

    private static func printable(_ value: RawSpan, _ name: MetaVariableName) throws(MetaVariableError) -> String {
        if value.byteCount > 1024 { throw MetaVariableError(.tooLong, name) }
        if value.containsNonASCII() { throw MetaVariableError(.malformed, name) }
        return value.repairedText()
    }

    private func target() throws(MetaVariableError) -> (path: String, query: String) {
        guard let uri = self.requestURI, !uri.isEmpty else { return (try self.encodedPath(), "") }
        let bytes = uri.utf8.span
        var mark: Int?
        for offset in bytes.indices {
            switch bytes[offset] {
            // A fragment is for the client alone, and nginx stops reading the path there.
            case UInt8(ascii: "#"), UInt8(ascii: " "): throw MetaVariableError(.malformed, .requestURI)
            case UInt8(ascii: "?") where mark == nil: mark = offset
            default: break
            }
        }
        guard bytes[0] == UInt8(ascii: "/") else { throw MetaVariableError(.malformed, .requestURI) }
        guard let mark else { return (uri, "") }
        let index = uri.utf8.index(uri.startIndex, offsetBy: mark)
        return (String(uri[..<index]), self.query == nil ? String(uri[uri.utf8.index(after: index)...]) : "")
    }

    // SCRIPT_NAME and PATH_INFO are decoded (RFC 3875, sections 4.1.5 and 4.1.13), so what would mean something else is encoded again.
    private func encodedPath() throws(MetaVariableError) -> String {
        if let problem = self.pathProblem { throw problem }
        let decoded = (self.scriptName ?? "") + (self.pathInfo ?? "")
        guard !decoded.isEmpty else { throw MetaVariableError(.missing, .requestURI) }
        guard decoded.utf8.first == UInt8(ascii: "/") else { throw MetaVariableError(.malformed, .scriptName) }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(decoded.utf8.count + 16)
        for byte in decoded.utf8 {
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: " "), 0x80...0xFF:
                PercentEncoding.append(byte, to: &encoded)
            default:
                encoded.append(byte)
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
