internal import ParanoidHTTP
internal import HTTPTypes
internal import Logging

/// Turns parameters into a request, has it answered, and turns every error into a response.
struct RequestResponder: Sendable {
    let handler: any HTTPHandler
    let bodyLimit: Int
    let logger: Logger
    private let trustedProxies: [NetworkPrefix]
    private let forwarding: ForwardingRules
    /// The header fields that every response gets which does not have them.
    let securityHeaders: SecurityHeaders
    /// The same as bytes.
    let securityBlocks: (always: SecurityBlock, overHTTPS: SecurityBlock)
    private let errorResponder: ErrorResponder
    private let mount: MountPoint
    /// Where the role authorizer asks; `nil`: nowhere.
    let gatePath: String?

    init(
        handler: any HTTPHandler,
        bodyLimit: Int,
        trustedProxies: [NetworkPrefix] = [],
        forwarding: ForwardingRules = ForwardingRules(),
        securityHeaders: SecurityHeaders = SecurityHeaders(),
        errorResponder: ErrorResponder = ErrorResponder(),
        mount: MountPoint = .root,
        gatePath: String? = nil,
        logger: Logger
    ) {
        self.errorResponder = errorResponder
        self.mount = mount
        self.gatePath = gatePath.map { mount.path + $0 }
        self.securityHeaders = securityHeaders
        self.securityBlocks = (SecurityBlock(securityHeaders, isSecure: false), SecurityBlock(securityHeaders, isSecure: true))
        self.trustedProxies = trustedProxies
        self.forwarding = forwarding
        self.handler = handler
        self.bodyLimit = bodyLimit
        self.logger = logger
    }

    /// The request that the parameters describe.
    func request(_ variables: MetaVariables, parameters: any RequestParameters, body: RequestBody) -> Request {
        let client = self.client(variables, parameters)
        let rest = self.mount.isRoot ? variables.rawPath : self.mount.rest(of: variables.rawPath)
        return Request(
            method: variables.requestMethod,
            rawPath: rest ?? variables.rawPath,
            rawQuery: variables.rawQuery,
            isSecure: client.isSecure,
            clientAddress: client.address,
            parameters: parameters,
            body: body,
            mount: rest == nil ? .root : self.mount,
            trustsRequestID: self.isTrusted(variables.remoteAddress),
            logger: self.logger
        )
    }

    /// Has a request answered; an error becomes the response that fits it.
    func respond(to request: Request) async -> Response {
        if self.mount.isRoot { return await self.errorResponder.response(to: request, of: self.handler) }
        return await self.mountedResponse(to: request)
    }

    private func mountedResponse(to request: Request) async -> Response {
        guard request.isMounted(at: self.mount) else {
            // The web server passes what belongs to somebody else; no handler is to take it for its own.
            request.logger.warning("a request's path is not below the mount point", metadata: ["mount": "\(self.mount.path)"])
            return await self.errorResponder.response(for: HTTPError.notFound, request: request)
        }
        var response = await self.errorResponder.response(to: request, of: self.handler)
        response.mount(at: self.mount)
        return response
    }

    /// Whether the web server was called by a proxy whose word is taken.
    private func isTrusted(_ peer: String) -> Bool {
        if self.trustedProxies.isEmpty { return false }
        guard let address = NetworkAddress(peer) else { return false }
        return self.trustedProxies.contains { $0.contains(address) }
    }

    /// Where the client is, and whether its connection is encrypted, as the web server says or a proxy that is trusted.
    private func client(_ variables: MetaVariables, _ parameters: any RequestParameters) -> (address: String, isSecure: Bool) {
        if self.trustedProxies.isEmpty { return (variables.remoteAddress, variables.isSecure) }
        switch self.forwarding.field {
        case .forwarded:
            let client = ClientAddress.resolve(
                remoteAddress: variables.remoteAddress,
                forwarded: parameters.joinedBytes(of: "HTTP_FORWARDED"),
                trustedProxies: self.trustedProxies
            )
            let isSecure = self.forwarding.believesProtocol ? client.isSecure : nil
            return (client.address, isSecure ?? variables.isSecure)
        case .xForwarded:
            let address = ClientAddress.resolve(
                remoteAddress: variables.remoteAddress,
                forwardedFor: parameters.joinedBytes(of: "HTTP_X_FORWARDED_FOR"),
                trustedProxies: self.trustedProxies
            )
            guard self.forwarding.believesProtocol, let peer = NetworkAddress(variables.remoteAddress),
                self.trustedProxies.contains(where: { $0.contains(peer) }),
                let said = parameters.joinedBytes(of: "HTTP_X_FORWARDED_PROTO")
            else { return (address, variables.isSecure) }
            return (address, ForwardedField.saysSecure(said))
        }
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

/// What a proxy that is trusted is believed.
package struct ForwardingRules: Sendable, Hashable {
    /// The fields in which proxies say who has called them.
    package enum Field: String, Sendable, Hashable, CaseIterable {
        /// `X-Forwarded-For` and `X-Forwarded-Proto`.
        case xForwarded = "x-forwarded"
        /// `Forwarded` (RFC 7239).
        case forwarded
    }

    /// The one that is read: a proxy passes the other one on as a client has invented it.
    package var field = Field.xForwarded
    /// Whether what it says of encryption counts.
    package var believesProtocol = false
}

/// Security headers as the bytes of a response's head.
struct SecurityBlock: Sendable {
    /// The names of the fields.
    let names: [HTTPField.Name]
    /// The lines.
    let bytes: [UInt8]
    /// Whether one of them is a field that responses share, such as `Content-Type`.
    private let hasShared: Bool
    /// A bit for the length of each name: most fields are told apart without a look at their names.
    private let lengths: UInt64

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
        self.lengths = names.reduce(0) { $0 | Response.lengthBit(of: $1) }
    }

    /// Whether a response has one of the fields itself.
    func isPartlyIn(_ response: Response) -> Bool {
        (self.hasShared || response.hasOwnFields) && response.hasFields(ofLengths: self.lengths)
            && self.names.contains { response.header($0) != nil }
    }
}
