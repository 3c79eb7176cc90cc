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
}
