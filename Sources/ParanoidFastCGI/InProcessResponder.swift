internal import ParanoidHTTP
internal import HTTPTypes

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
            let body = InMemoryBody(request.body)
            return await self.responder.respond(variables, parameters: parameters) { body.read(upTo: $0) }
        } catch {
            return self.responder.refusal(error)
        }
    }
}
