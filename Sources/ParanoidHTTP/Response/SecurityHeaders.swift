public import HTTPTypes

/// Header fields that tell browsers to be careful with every response, error pages included.
///
/// A handler that sets a field itself keeps its own.
public struct SecurityHeaders: Sendable {
    private var always: [(name: HTTPField.Name, value: String)] = []
    private var overHTTPS: [(name: HTTPField.Name, value: String)] = []

    /// None.
    public init() {}

    /// What suits most applications: no guessing of media types, no frames, no address of this site to others, no window of another site
    /// that can reach in, no resources for other sites; HTTPS for two years once it was seen (RFC 6797).
    ///
    /// There is no policy for content among them, as each application has to write its own; see ``setting(_:for:)``.
    public static var recommended: SecurityHeaders {
        var headers = SecurityHeaders()
        headers.always = [
            (.xContentTypeOptions, "nosniff"), (Self.frameOptions, "DENY"), (Self.referrerPolicy, "same-origin"),
            (Self.openerPolicy, "same-origin"), (Self.resourcePolicy, "same-origin"),
        ]
        headers.overHTTPS = [(.strictTransportSecurity, "max-age=63072000")]
        return headers
    }

    /// The same with one more field, or with another value of one.
    ///
    /// - Throws: ``ResponseError`` when the field is not valid.
    public func setting(_ value: String, for name: HTTPField.Name) throws -> SecurityHeaders {
        var probe = Response()
        try probe.setHeader(value, for: name)
        var headers = self.removing(name)
        if name == .strictTransportSecurity { headers.overHTTPS.append((name, value)) } else { headers.always.append((name, value)) }
        return headers
    }

    /// The same without a field.
    public func removing(_ name: HTTPField.Name) -> SecurityHeaders {
        var headers = self
        headers.always.removeAll { $0.name == name }
        headers.overHTTPS.removeAll { $0.name == name }
        return headers
    }

    /// Adds the fields to a response that does not have them.
    package func apply(to response: inout Response, isSecure: Bool) {
        for (name, value) in self.always + (isSecure ? self.overHTTPS : []) where response.header(name) == nil {
            // Checked when it was set; what is checked again cannot fail.
            try? response.setHeader(value, for: name)
        }
    }

    private static let frameOptions = Self.name("X-Frame-Options")
    private static let referrerPolicy = Self.name("Referrer-Policy")
    private static let openerPolicy = Self.name("Cross-Origin-Opener-Policy")
    private static let resourcePolicy = Self.name("Cross-Origin-Resource-Policy")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("a field name") }
        return name
    }
}
