internal import ParanoidHTTP
internal import HTTPTypes
internal import Logging

/// Turns parameters into a request, has it answered, and turns every error into an answer.
struct RequestResponder: Sendable {
    let handler: any HTTPHandler
    let bodyLimit: Int
    let logger: Logger
    private let trustedProxies: [NetworkPrefix]
    private let securityHeaders: SecurityHeaders
    private let errorResponder = ErrorResponder()

    init(
        handler: any HTTPHandler,
        bodyLimit: Int,
        trustedProxies: [NetworkPrefix] = [],
        securityHeaders: SecurityHeaders = SecurityHeaders(),
        logger: Logger
    ) {
        self.securityHeaders = securityHeaders
        self.trustedProxies = trustedProxies
        self.handler = handler
        self.bodyLimit = bodyLimit
        self.logger = logger
    }

    /// Answers the request that the parameters describe.
    func respond(
        _ variables: MetaVariables,
        parameters: any RequestParameters,
        body: @escaping @Sendable (_ upTo: Int) async throws -> [UInt8]?
    ) async -> Response {
        let request = Request(
            method: variables.requestMethod,
            rawPath: variables.rawPath,
            rawQuery: variables.rawQuery,
            isSecure: variables.isSecure,
            clientAddress: self.clientAddress(variables, parameters),
            parameters: parameters,
            headerFields: { Self.headerFields(parameters) },
            body: RequestBody(length: variables.contentLength ?? 0, limit: self.bodyLimit, read: body),
            logger: self.logger
        )
        var response: Response
        do {
            response = try await self.handler.handle(request)
            try response.validate()
        } catch {
            response = self.errorResponder.response(for: error, request: request)
        }
        self.securityHeaders.apply(to: &response, isSecure: request.isSecure)
        return response
    }

    private func clientAddress(_ variables: MetaVariables, _ parameters: any RequestParameters) -> String {
        if self.trustedProxies.isEmpty { return variables.remoteAddress }
        return ClientAddress.resolve(
            remoteAddress: variables.remoteAddress,
            forwardedFor: parameters.bytes(of: "HTTP_X_FORWARDED_FOR"),
            trustedProxies: self.trustedProxies
        )
    }

    /// The answer to parameters that cannot be a request.
    func refusal(_ error: MetaVariableError) -> Response {
        self.logger.notice("request refused", metadata: ["request.error": "\(error)"])
        return Response.text("Bad Request\n", status: .badRequest)
    }

    private static func headerFields(_ parameters: any RequestParameters) -> HTTPFields {
        var fields = HTTPFields()
        parameters.forEach { name, value in fields.append(parameter: name, value: value) }
        return fields
    }
}
