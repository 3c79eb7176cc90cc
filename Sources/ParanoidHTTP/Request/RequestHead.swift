internal import HTTPTypes
internal import Logging
internal import Synchronization

/// The part of a request that never changes, shared by its copies, and what was parsed on demand.
final class RequestHead: Sendable {
    let method: HTTPRequest.Method
    let path: RequestPath
    let rawQuery: String
    let isSecure: Bool
    let clientAddress: String
    let parameters: any RequestParameters
    let makeHeaderFields: (@Sendable () -> HTTPFields)?
    let body: RequestBody
    let mount: MountPoint
    let trustsRequestID: Bool
    /// Without the request's identifier, see ``identifiedLogger``.
    let logger: Logger
    private let parsed = Mutex(Parsed())

    private struct Parsed {
        var headerFields: HTTPFields?
        var cookies: Cookies?
        var query: FormFields?
        var identifier: String?
        var minted: RequestIdentifier.Minted?
        var logger: Logger?
        var errorFields: [(name: HTTPField.Name, value: String)] = []
        var failedEndpoint: RouteEndpoint?
    }

    init(
        method: HTTPRequest.Method,
        path: RequestPath,
        rawQuery: String,
        isSecure: Bool,
        clientAddress: String,
        parameters: any RequestParameters,
        makeHeaderFields: (@Sendable () -> HTTPFields)?,
        body: RequestBody,
        mount: MountPoint,
        trustsRequestID: Bool,
        logger: Logger
    ) {
        self.method = method
        self.path = path
        self.rawQuery = rawQuery
        self.isSecure = isSecure
        self.clientAddress = clientAddress
        self.parameters = parameters
        self.makeHeaderFields = makeHeaderFields
        self.body = body
        self.mount = mount
        self.trustsRequestID = trustsRequestID
        self.logger = logger
    }

    var headerFields: HTTPFields {
        self.cached(\.headerFields) {
            if let make = self.makeHeaderFields { return make() }
            var fields = HTTPFields()
            self.parameters.forEach { name, value in fields.append(parameter: name, value: value) }
            return fields
        }
    }

    var cookies: Cookies {
        self.cached(\.cookies) {
            self.parameters.withBytes(of: "HTTP_COOKIE") { header in
                guard let header else { return Cookies() }
                return Cookies(parsing: header)
            }
        }
    }

    var query: FormFields {
        self.cached(\.query) { FormFields(query: self.rawQuery) }
    }

    /// The identifier of the request, made when it is first asked for; see ``Request/id``.
    var identifier: String {
        if let identifier = self.parsed.withLock({ $0.identifier }) { return identifier }
        var sent: String?
        RequestIdentifier.lend(from: self.parameters, trustsHeader: self.trustsRequestID) { sent = $0?.text() }
        let identifier = sent ?? self.minted.text
        // Several tasks may ask for the first time at once: the request has one identifier.
        return self.parsed.withLock { parsed in
            if let identifier = parsed.identifier { return identifier }
            parsed.identifier = identifier
            return identifier
        }
    }

    /// The identifier that the request has if nobody has sent one.
    private var minted: RequestIdentifier.Minted {
        self.parsed.withLock { parsed in
            if let minted = parsed.minted { return minted }
            let minted = RequestIdentifier.mint()
            parsed.minted = minted
            return minted
        }
    }

    /// Lends the bytes of ``identifier``.
    func lendIdentifier(to body: (RawSpan) -> Void) {
        if let identifier = self.parsed.withLock({ $0.identifier }) {
            unsafe body(identifier.utf8.span.bytes)
            return
        }
        var isMinted = false
        RequestIdentifier.lend(from: self.parameters, trustsHeader: self.trustsRequestID) { sent in
            guard let sent else { return isMinted = true }
            body(sent)
        }
        if isMinted { self.minted.lend(to: body) }
    }

    /// The logger of the request, whose lines carry the identifier.
    var identifiedLogger: Logger {
        self.cached(\.logger) {
            var logger = self.logger
            logger[metadataKey: "request.id"] = "\(self.identifier)"
            return logger
        }
    }

    /// Header fields that the response gets when it is one to an error, which is made outside of all middleware.
    var errorFields: [(name: HTTPField.Name, value: String)] {
        get { self.parsed.withLock { $0.errorFields } }
        set { self.parsed.withLock { $0.errorFields = newValue } }
    }

    /// The endpoint of a request that has failed: errors are answered outside of the router, where the request has no endpoint of its own.
    var failedEndpoint: RouteEndpoint? {
        get { self.parsed.withLock { $0.failedEndpoint } }
        set { self.parsed.withLock { $0.failedEndpoint = newValue } }
    }

    /// Fields that are lists: several lines mean one list (RFC 9110, section 5.3).
    private static let lists: Set<String> = [
        "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection", "expect", "forwarded", "if-match",
        "if-none-match", "pragma", "prefer", "te", "trailer", "upgrade", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    ]

    func header(_ name: HTTPField.Name) -> String? {
        guard let parameter = HeaderParameter.name(of: name) else { return nil }
        let text =
            Self.lists.contains(name.canonicalName)
            ? self.parameters.joinedBytes(of: parameter).flatMap { String(validating: $0, as: UTF8.self) }
            : self.parameters.text(of: parameter)
        guard let text else { return nil }
        return text.isEmpty && !parameter.utf8.starts(with: "HTTP_".utf8) ? nil : text
    }

    // The work is done outside the lock; when two threads do it at once, they get equal values.
    private func cached<Value: Sendable>(_ key: any WritableKeyPath<Parsed, Value?> & Sendable, _ make: () -> Value) -> Value {
        if let value = self.parsed.withLock({ $0[keyPath: key] }) { return value }
        let value = make()
        self.parsed.withLock { $0[keyPath: key] = value }
        return value
    }
}
