internal import ParanoidHTTP
internal import HTTPTypes
internal import Logging

/// Turns parameters into a request, has it answered, and turns every error into a response.
struct RequestResponder: Sendable {
    let handler: any HTTPHandler
    let bodyLimit: Int
    let logger: Logger
    private let trustedProxies: [NetworkPrefix]
    /// The header fields that every response gets which does not have them.
    let securityHeaders: SecurityHeaders
    /// The same as bytes.
    let securityBlocks: (always: SecurityBlock, overHTTPS: SecurityBlock)
    private let errorResponder: ErrorResponder

    init(
        handler: any HTTPHandler,
        bodyLimit: Int,
        trustedProxies: [NetworkPrefix] = [],
        securityHeaders: SecurityHeaders = SecurityHeaders(),
        errorResponder: ErrorResponder = ErrorResponder(),
        logger: Logger
    ) {
        self.errorResponder = errorResponder
        self.securityHeaders = securityHeaders
        self.securityBlocks = (SecurityBlock(securityHeaders, isSecure: false), SecurityBlock(securityHeaders, isSecure: true))
        self.trustedProxies = trustedProxies
        self.handler = handler
        self.bodyLimit = bodyLimit
        self.logger = logger
    }

    /// The request that the parameters describe.
    func request(_ variables: MetaVariables, parameters: any RequestParameters, body: RequestBody) -> Request {
        Request(
            method: variables.requestMethod,
            rawPath: variables.rawPath,
            rawQuery: variables.rawQuery,
            isSecure: variables.isSecure,
            clientAddress: self.clientAddress(variables, parameters),
            parameters: parameters,
            body: body,
            logger: self.logger
        )
    }

    /// Has a request answered; an error becomes the response that fits it.
    func respond(to request: Request) async -> Response {
        await self.errorResponder.response(to: request, of: self.handler)
    }

    private func clientAddress(_ variables: MetaVariables, _ parameters: any RequestParameters) -> String {
        if self.trustedProxies.isEmpty { return variables.remoteAddress }
        return ClientAddress.resolve(
            remoteAddress: variables.remoteAddress,
            forwardedFor: parameters.joinedBytes(of: "HTTP_X_FORWARDED_FOR"),
            trustedProxies: self.trustedProxies
        )
    }

    /// The response to parameters that cannot be a request.
    func refusal(_ error: MetaVariableError) -> Response {
        self.errorResponder.response(for: error, logger: self.logger)
    }

    /// The response to a request that is refused before it has a handler.
    func refusal(_ error: HTTPError) -> Response {
        self.logger.notice("request refused", metadata: ["error": "\(error)"])
        return Response.text("Bad Request\n", status: .badRequest)
    }
}

/// Security headers as the bytes of a response's head.
struct SecurityBlock: Sendable {
    /// The names of the fields.
    let names: [HTTPField.Name]
    /// The lines.
    let bytes: [UInt8]
    /// Whether one of them is a field that responses share, such as `Content-Type`.
    private let hasShared: Bool

    /// Renders the headers once for all responses.
    init(_ headers: SecurityHeaders, isSecure: Bool) {
        var probe = Response()
        headers.apply(to: &probe, isSecure: isSecure)
        var bytes: [UInt8] = []
        var names: [HTTPField.Name] = []
        for field in probe.headerFields {
            names.append(field.name)
            // Fields of a response are checked, so these cannot fail.
            try? CGIResponseHead.appendField(field.name.rawName, field.value, to: &bytes)
        }
        self.names = names
        self.bytes = bytes
        self.hasShared = names.contains { Response.isShared($0) }
    }

    /// Whether a response has one of the fields itself.
    func isPartlyIn(_ response: Response) -> Bool {
        (self.hasShared || response.hasOwnFields) && self.names.contains { response.header($0) != nil }
    }
}
