/// What the parameters say about a request, checked (RFC 3875, section 4.1).
///
/// Made by ``MetaVariableReader``. Everything else (header fields, cookies) stays in the parameters and is read on demand.
package struct MetaVariables: Sendable, Hashable {
    /// The method, a token of at most 32 bytes.
    package let method: String
    /// The path as the client sent it, still percent-encoded; begins with a slash.
    package let rawPath: String
    /// The query without its question mark, still percent-encoded; empty when there is none.
    package let rawQuery: String
    /// Whether the web server says that the client's connection was encrypted (`HTTPS` is `on` or `1`).
    package let isSecure: Bool
    /// The length of the body in bytes; `nil` when the web server does not know it.
    package let contentLength: Int?
    /// The type of the body; `nil` when absent or empty.
    package let contentType: String?
    /// The peer of the web server as it was sent, in printable ASCII; empty when unknown.
    package let remoteAddress: String
    /// The protocol, such as `HTTP/1.1`; empty when unknown.
    package let serverProtocol: String

    /// The question whether the request may pass, as a request of its own for a path of the application.
    package func question(to path: String) -> MetaVariables {
        MetaVariables(
            method: "GET",
            rawPath: path,
            rawQuery: "",
            isSecure: self.isSecure,
            contentLength: nil,
            contentType: nil,
            remoteAddress: self.remoteAddress,
            serverProtocol: self.serverProtocol
        )
    }
}

/// The defect of parameters that are not a request; the client gets a plain 400.
///
/// It never holds a value that a client sent, so it can be logged as it is.
package struct MetaVariableError: Error, Sendable, Hashable {
    /// The kind of defect.
    package enum Code: String, Sendable, Hashable, CustomStringConvertible {
        /// A name that is empty, too long or not printable ASCII.
        case invalidName = "invalid parameter name"
        /// A byte below 0x20 or 0x7F in a value; only HTAB in a header field is allowed.
        case controlByte = "control byte"
        /// A parameter that decides something arrived twice.
        case duplicate = "duplicate parameter"
        /// Two parameters contradict each other.
        case conflict = "conflicting parameters"
        /// A parameter that every request has is absent.
        case missing = "missing parameter"
        /// A value that does not have the form its parameter requires.
        case malformed = "malformed value"
        /// A value over its limit.
        case tooLong = "value too long"

        /// The code in words.
        package var description: String { self.rawValue }
    }

    /// The kind of defect.
    package let code: Code
    /// The parameter concerned, `nil` when its name is not one of those that are known.
    package let parameter: MetaVariableName?

    /// Creates an error.
    package init(_ code: Code, _ parameter: MetaVariableName? = nil) {
        self.code = code
        self.parameter = parameter
    }
}

extension MetaVariableError: CustomStringConvertible {
    /// The code and the parameter's name, for a log line.
    package var description: String {
        guard let parameter else { return self.code.description }
        return "\(self.code) (\(parameter.text))"
    }
}
