package import HTTPTypes
internal import ParanoidHTTP
internal import Synchronization

/// A request that comes from this process: from a test, or from a page that shows how others would be answered.
package struct InProcessRequest: Sendable {
    /// The method.
    package var method: HTTPRequest.Method
    /// The path with its query, as it would stand in the request line.
    package var path: String
    /// Parameters as the web server would send them (`HTTPS`, `REMOTE_ADDR`, `HTTP_COOKIE`, …); those that follow from method, path and
    /// body are added.
    package var parameters: [(name: String, value: String)]
    /// The body.
    package var body: [UInt8]

    /// Creates a request.
    package init(
        method: HTTPRequest.Method = .get,
        path: String,
        parameters: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.parameters = parameters
        self.body = body
    }
}

/// Answers requests of this process as if the web server had sent them: the same checks, the same handlers.
struct InProcessResponder: Sendable {
    let responder: RequestResponder

    func respond(to request: InProcessRequest) async -> Response {
        var parameters = InMemoryParameters()
        func append(_ name: String, _ value: String) {
            parameters.append(name: Array(name.utf8), value: Array(value.utf8))
        }
        append("REQUEST_METHOD", request.method.rawValue)
        append("REQUEST_URI", request.path)
        if !request.body.isEmpty { append("CONTENT_LENGTH", "\(request.body.count)") }
        for (name, value) in request.parameters { append(name, value) }

        var reader = MetaVariableReader()
        var failure: MetaVariableError?
        parameters.forEach { name, value in
            if failure != nil { return }
            do throws(MetaVariableError) {
                try reader.add(name: name, value: value)
            } catch {
                failure = error
            }
        }
        do throws(MetaVariableError) {
            if let failure { throw failure }
            let variables = try reader.finish()
            let source = InMemoryBody(request.body)
            let body = RequestBody(length: variables.contentLength ?? 0, limit: self.responder.bodyLimit) { source.read(upTo: $0) }
            let described = self.responder.request(variables, parameters: parameters, body: body)
            var response = await self.responder.respond(to: described)
            self.responder.securityHeaders.apply(to: &response, isSecure: described.isSecure)
            return response
        } catch {
            return self.responder.refusal(error)
        }
    }
}

/// A body that is read from memory, piece by piece.
private final class InMemoryBody: Sendable {
    private let rest: Mutex<ArraySlice<UInt8>>

    init(_ bytes: [UInt8]) {
        self.rest = Mutex(bytes[...])
    }

    func read(upTo count: Int) -> [UInt8]? {
        self.rest.withLock { rest in
            if rest.isEmpty { return nil }
            let piece = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            return piece
        }
    }
}
