public import HTTPTypes

/// An error that says which response the client gets (RFC 9110, section 15).
///
/// The client gets the status and the message, so the message must not hold a secret.
///
/// ```swift
/// guard let page = try await pages.find(id) else { throw HTTPError(.notFound) }
/// ```
public struct HTTPError: Error {
    /// The status of the response.
    public var status: HTTPResponse.Status
    /// The text of the response; the reason phrase of the status when `nil`.
    package var message: String?
    /// The error behind this one; it goes to the log, never to the client.
    package var cause: (any Error)?
    /// The fields of a form, a query or a JSON body that are not as they have to be; the client gets them all.
    public package(set) var problems: [FieldProblem] = []
    private var fields: [(name: HTTPField.Name, value: String)] = []

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - status: The status of the response.
    ///   - message: The text of the response; the reason phrase of the status when `nil`.
    ///   - cause: The error behind this one; it goes to the log, never to the client.
    public init(_ status: HTTPResponse.Status, message: String? = nil, cause: (any Error)? = nil) {
        self.status = status
        self.message = message
        self.cause = cause
    }

    /// Creates an error about one field.
    init(_ status: HTTPResponse.Status, message: String, cause: any Error, problem: FieldProblem?) {
        self.init(status, message: message, cause: cause)
        if let problem { self.problems = [problem] }
    }

    /// The same error with one more header field in its response, for example `Retry-After`.
    ///
    /// The field is checked when the response is made; a field that is not valid makes the response a plain 500.
    package func adding(_ value: String, for name: HTTPField.Name) -> HTTPError {
        var error = self
        error.fields.append((name, value))
        return error
    }

    /// The response: the message and a line feed as `text/plain; charset=utf-8`, and a line for each of the ``problems``.
    ///
    /// An error that a handler throws gets the form that the client accepts, see ``RequestFailure``.
    ///
    /// - Throws: An error when an added header field is not valid.
    package func makeResponse() throws -> Response { try self.makeResponse(as: .text) }

    /// The response in one of the forms of an error.
    ///
    /// - Throws: An error when an added header field is not valid.
    func makeResponse(as form: ErrorForm) throws -> Response {
        var response = form.response(to: self)
        for field in self.fields { try response.addHeader(field.value, for: field.name) }
        return response
    }

    /// The reason phrase of the status, or its number where it has none.
    var title: String { self.status.reasonPhrase.isEmpty ? "Status \(self.status.code)" : self.status.reasonPhrase }

    /// 400 Bad Request.
    package static let badRequest = HTTPError(.badRequest)
    /// 401 Unauthorized; RFC 9110, section 15.5.2, wants a `WWW-Authenticate` field beside it, see ``adding(_:for:)``.
    package static let unauthorized = HTTPError(.unauthorized)
    /// The response 403 Forbidden (RFC 9110, section 15.5.4).
    package static let forbidden = HTTPError(.forbidden)
    /// 404 Not Found.
    package static let notFound = HTTPError(.notFound)
    /// 409 Conflict.
    package static let conflict = HTTPError(.conflict)
    /// 413 Content Too Large.
    package static let contentTooLarge = HTTPError(.contentTooLarge)
    /// 415 Unsupported Media Type.
    package static let unsupportedMediaType = HTTPError(.unsupportedMediaType)
    /// 422 Unprocessable Content.
    package static let unprocessableContent = HTTPError(.unprocessableContent)
    /// 503 Service Unavailable.
    package static let serviceUnavailable = HTTPError(.serviceUnavailable)
}

/// An error of this package that says which response the client gets when a handler lets it through.
package protocol HTTPErrorConvertible: Error {
    /// The response as an error; `nil`: a plain 500.
    var httpError: HTTPError? { get }
}

extension HTTPError: HTTPErrorConvertible {
    package var httpError: HTTPError? { self }
}

/// A response that must not be sent; a mistake of the handler, so the client gets a plain 500.
package struct ResponseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of mistake.
    package enum Code: String, Sendable, Hashable {
        /// A header field value with a byte below 0x20 (HTAB excepted) or 0x7F.
        case invalidField = "a header field value holds a control byte"
        /// An `ETag` without double quotes around its text (RFC 9110, section 8.8.3): no condition of a client would ever hold.
        case invalidEntityTag = "an entity tag is a text in double quotes, such as \"v1\" or W/\"v1\""
        /// A header field that other properties of the response stand for.
        case reservedField = "the header field is set by the server itself"
        /// A status that cannot end a request.
        case invalidStatus = "the status is not in 200...599"
        /// The target of a redirection with other bytes than printable ASCII; percent-encode them.
        case invalidLocation = "the address of a redirection is not made of printable ASCII"
        /// A body with status 204 or 304.
        case bodyNotAllowed = "a response with this status has no body"
        /// A streamed body that is longer or shorter than declared.
        case lengthMismatch = "the body has another length than declared"
    }

    /// The kind of mistake.
    package let code: Code
    /// The header field concerned, if any.
    package let field: String?

    /// Creates an error.
    package init(_ code: Code, field: String? = nil) {
        self.code = code
        self.field = field
    }

    /// The mistake in words, without the offending value.
    package var description: String {
        guard let field else { return self.code.rawValue }
        return "\(self.code.rawValue) (\(field))"
    }
}
