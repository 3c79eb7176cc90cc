public import HTTPTypes

/// Header fields that restrict what browsers do with a response; the application adds them to every response, error pages included.
///
/// A field that a handler sets itself stays as the handler has set it.
public struct SecurityHeaders: Sendable {
    private var always: [(name: HTTPField.Name, value: String)] = []
    private var overHTTPS: [(name: HTTPField.Name, value: String)] = []

    /// Creates a set without fields.
    package init() {}

    /// The fields that suit most applications.
    ///
    /// - `X-Content-Type-Options: nosniff`: browsers do not guess media types.
    /// - `X-Frame-Options: DENY`: no page shows this one in a frame.
    /// - `Referrer-Policy`, `Cross-Origin-Opener-Policy` and `Cross-Origin-Resource-Policy`, each `same-origin`: other sites get neither the
    ///   address of a page nor its window nor its resources.
    /// - `Strict-Transport-Security` for two years (RFC 6797), over HTTPS only.
    ///
    /// There is no `Content-Security-Policy` among them, as each application has to write its own; see ``setting(_:for:)``.
    public static var recommended: SecurityHeaders {
        var headers = SecurityHeaders()
        headers.always = [
            (.xContentTypeOptions, "nosniff"), (Self.frameOptions, "DENY"), (Self.referrerPolicy, "same-origin"),
            (Self.openerPolicy, "same-origin"), (Self.resourcePolicy, "same-origin"),
        ]
        headers.overHTTPS = [(.strictTransportSecurity, "max-age=63072000")]
        return headers
    }

    /// A copy with one more field, or with another value of a field.
    ///
    /// - Throws: An error when the field is not valid, as ``Response/setHeader(_:for:)`` does.
    public func setting(_ value: String, for name: HTTPField.Name) throws -> SecurityHeaders {
        var probe = Response()
        try probe.setHeader(value, for: name)
        var headers = self.removing(name)
        if name == .strictTransportSecurity { headers.overHTTPS.append((name, value)) } else { headers.always.append((name, value)) }
        return headers
    }

    /// A copy without a field.
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
