package import HTTPTypes

/// Why a request got no response from its handler, and the response that it gets unless `Application.onError(_:)` makes another.
public struct RequestFailure: Sendable {
    /// What a handler or a middleware has thrown; an ``HTTPError`` where no route answers.
    public let error: any Error
    /// The status of the response; 500 for an error that says nothing of clients.
    package var status: HTTPResponse.Status { self.response.status }
    /// What the client may know, in words; the details are in the log only.
    public let message: String
    /// The fields of the request that are not as they have to be.
    public let problems: [FieldProblem]
    /// The response: a page, problem details (RFC 9457) or plain text, as the field `Accept` asks for.
    public let response: Response

    /// Describes an error, and logs what the client does not get.
    init(_ error: any Error, request: Request, log: (any Error, Int) -> Void) {
        self.error = error
        let form = ErrorForm(accept: request.header(.accept))
        do {
            let (response, known) = try Self.response(to: error, as: form)
            self.response = response
            self.message = known.message ?? known.title
            self.problems = known.problems
            if response.status.code >= 500 || known.cause != nil { log(known.cause ?? error, response.status.code) }
        } catch {
            log(error, 500)
            let unknown = HTTPError(.internalServerError)
            self.response = form.response(to: unknown)
            self.message = unknown.title
            self.problems = []
        }
    }

    private static func response(to error: any Error, as form: ErrorForm) throws -> (Response, HTTPError) {
        var response: Response
        let known: HTTPError
        if let error = (error as? any HTTPErrorConvertible)?.httpError {
            response = try error.makeResponse(as: form)
            if response.header(.vary) == nil { try response.setHeader("Accept", for: .vary) }
            known = error
        } else if let convertible = error as? any ResponseConvertible {
            response = try convertible.makeResponse()
            known = HTTPError(response.status)
        } else {
            throw error
        }
        try response.validate()
        return (response, known)
    }
}

/// Makes the responses to failures in the place of ``RequestFailure/response``.
package typealias ErrorHook = @Sendable (RequestFailure, Request) async throws -> Response

/// A value that a request carries and that has to know what becomes of the request.
package protocol RequestObserver: Sendable {
    /// The handler, or a middleware, has thrown.
    func requestFailed()
}

extension Request {
    /// Tells the values of the request that what it was to do has failed.
    package func noteFailure() { self.storage.forEach { ($0 as? any RequestObserver)?.requestFailed() } }
}
