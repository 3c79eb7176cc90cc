internal import HTTPTypes
package import Logging

/// The one place where errors become responses; a response tells the client nothing that the error does not mean for it.
package struct ErrorResponder: Sendable {
    private static let maximumDetailLength = 1024
    private let hook: ErrorHook?

    /// Creates a responder.
    ///
    /// - Parameter hook: Makes the responses; `nil`: they are those of ``RequestFailure``.
    package init(hook: ErrorHook? = nil) {
        self.hook = hook
    }

    /// The response of a handler, or the response to the error that it has thrown.
    package func response(to request: Request, of handler: any HTTPHandler) async -> Response {
        do {
            let response = try await handler.handle(request)
            try response.validate()
            return response
        } catch {
            return await self.response(for: error, request: request)
        }
    }

    /// The response to parameters that are not a request.
    package func response(for error: MetaVariableError, logger: Logger) -> Response {
        logger.notice("request refused", metadata: ["error": "\(error)"])
        return Response.text("Bad Request\n", status: .badRequest)
    }

    /// The response to a request whose handler has thrown, or that no route answers.
    ///
    /// The description of an error that says nothing of clients goes to the request's log with control bytes escaped. When the hook fails,
    /// the response is the one that there is without a hook.
    package func response(for error: any Error, request: Request) async -> Response {
        request.trace?.note { $0.failure = error }
        var request = request
        if request.endpoint == nil { request.endpoint = request.head.failedEndpoint }
        return await self.response(for: error, routed: request)
    }

    private func response(for error: any Error, routed request: Request) async -> Response {
        let failure = RequestFailure(error, request: request) { error, status in
            self.log(error, request, at: status >= 500 ? .error : .debug)
        }
        var response = failure.response
        if let hook = self.hook {
            do {
                response = try await Self.completed(hook(failure, request), like: failure)
                try response.validate()
            } catch {
                self.log(error, request, at: .error)
                response = failure.response
            }
        }
        self.complete(&response, of: request)
        if request.method == .head { response.omitBody() }
        return response
    }

    /// Adds what middleware has asked for, and by what a user can name a request that has failed.
    private func complete(_ response: inout Response, of request: Request) {
        for (name, value) in request.head.errorFields where name == .vary || response.header(name) == nil {
            // Middleware has checked them.
            try? response.addHeader(value, for: name)
        }
        if response.status.code >= 500, let name = HTTPField.Name("X-Request-ID") { try? response.setHeader(request.id, for: name) }
    }

    /// A page keeps what the error says in header fields, such as `Allow` and `Retry-After`.
    private static func completed(_ response: Response, like failure: RequestFailure) throws -> Response {
        guard response.status == failure.status else { return response }
        var response = response
        for field in failure.response.headerFields where field.name != .contentType && response.header(field.name) == nil {
            try response.addHeader(field.value, for: field.name)
        }
        return response
    }

    private func log(_ error: any Error, _ request: Request, at level: Logger.Level) {
        request.logger.log(
            level: level,
            "the handler has failed",
            metadata: [
                "error.type": "\(String(reflecting: type(of: error)))",
                "error": "\(Self.printable(String(describing: error)))",
                "http.method": "\(request.method.rawValue)",
                "http.route": "\(request.route ?? "-")",
            ]
        )
    }

    /// The text with control and non-ASCII bytes escaped, cut to a length that no log chokes on.
    static func printable(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8.prefix(Self.maximumDetailLength) {
            if 0x20...0x7E ~= byte {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "\\"), UInt8(ascii: "x"), Hexadecimal.digit(byte >> 4), Hexadecimal.digit(byte & 0x0F)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
