public import HTTPTypes

/// An answer other than success, thrown by a handler.
///
/// The client gets the status and the message, so the message must not hold anything it may not know.
public struct HTTPError: Error, ResponseConvertible {
    /// The status of the answer.
    public var status: HTTPResponse.Status
    /// What the client is told; the reason phrase when `nil`.
    public var message: String?
    /// The error behind this one; it goes to the log, never to the client.
    public var cause: (any Error)?
    private var fields: [(name: HTTPField.Name, value: String)] = []

    /// Creates an error.
    public init(_ status: HTTPResponse.Status, message: String? = nil, cause: (any Error)? = nil) {
        self.status = status
        self.message = message
        self.cause = cause
    }

    /// The same error with one more header field in its answer, for example `Retry-After`.
    public func adding(_ value: String, for name: HTTPField.Name) -> HTTPError {
        var error = self
        error.fields.append((name, value))
        return error
    }

    /// The answer: plain text, the message and a line end.
    ///
    /// - Throws: ``ResponseError`` when an added header field is not valid.
    public func makeResponse() throws -> Response {
        let reason = self.status.reasonPhrase.isEmpty ? "Status \(self.status.code)" : self.status.reasonPhrase
        var response = Response.text("\(self.message ?? reason)\n", status: self.status)
        for field in self.fields { try response.addHeader(field.value, for: field.name) }
        return response
    }

    /// 400 Bad Request.
    public static let badRequest = HTTPError(.badRequest)
    /// 401 Unauthorized; add a `WWW-Authenticate` field where the scheme wants one.
    public static let unauthorized = HTTPError(.unauthorized)
    /// 403 Forbidden.
    public static let forbidden = HTTPError(.forbidden)
    /// 404 Not Found.
    public static let notFound = HTTPError(.notFound)
    /// 409 Conflict.
    public static let conflict = HTTPError(.conflict)
    /// 413 Content Too Large.
    public static let contentTooLarge = HTTPError(.contentTooLarge)
    /// 415 Unsupported Media Type.
    public static let unsupportedMediaType = HTTPError(.unsupportedMediaType)
    /// 422 Unprocessable Content.
    public static let unprocessableContent = HTTPError(.unprocessableContent)
    /// 503 Service Unavailable.
    public static let serviceUnavailable = HTTPError(.serviceUnavailable)
}
