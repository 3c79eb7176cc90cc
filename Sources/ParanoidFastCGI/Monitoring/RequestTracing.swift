internal import ParanoidHTTP
internal import Tracing

/// One span for each request, for the tracer that the application has bootstrapped (`InstrumentationSystem.bootstrap`).
///
/// Names and attributes are those of OpenTelemetry's semantic conventions for HTTP servers. The context of the caller is taken from the header
/// fields of the request, such as `traceparent`; the handler finds the span's context as `ServiceContext.current`, so spans of the application
/// are its children.
final class RequestTracing: Sendable {
    private let instrument: any Instrument
    private let tracer: any Tracer

    /// Has spans made by a tracer, and contexts read by an instrument.
    init(instrument: any Instrument, tracer: any Tracer) {
        self.instrument = instrument
        self.tracer = tracer
    }

    /// For the instrument of this process; `nil` without one.
    static func ofProcess() -> RequestTracing? {
        let instrument = InstrumentationSystem.instrument
        return instrument is NoOpInstrument ? nil : RequestTracing(instrument: instrument, tracer: InstrumentationSystem.tracer)
    }

    /// Begins the span of a request.
    ///
    /// - Parameter isQuestion: Whether the web server asks if a request may pass (the role authorizer).
    func begin(_ request: Request, isQuestion: Bool = false) -> any Span {
        var context = ServiceContext.current ?? .topLevel
        self.instrument.extract(RequestCarrier(request: request), into: &context, using: HeaderExtractor())
        let method = KnownMethod(request.method.rawValue)
        let span = self.tracer.startAnySpan(Self.name(method, route: nil), context: context, ofKind: .server)
        span.attributes["http.request.method"] = method.rawValue
        if method == .other { span.attributes["http.request.method_original"] = request.method.rawValue }
        span.attributes["url.path"] = request.rawPath
        span.attributes["url.scheme"] = request.isSecure ? "https" : "http"
        if let name = request.parameter("SERVER_NAME") { span.attributes["server.address"] = name }
        if let port = request.parameter("SERVER_PORT").flatMap({ Int($0) }) { span.attributes["server.port"] = port }
        span.attributes["paranoid.request.id"] = request.id
        if isQuestion { span.attributes["paranoid.request.role"] = "authorizer" }
        return span
    }

    /// Ends the span of a request whose last byte was written.
    func end(_ span: any Span, _ trace: RequestTrace?) {
        if let facts = trace?.facts {
            span.operationName = Self.name(KnownMethod(facts.method), route: facts.route)
            if let route = facts.route { span.attributes["http.route"] = route }
            if facts.status > 0 { span.attributes["http.response.status_code"] = facts.status }
            // What a client has done wrong is no error of the server.
            if facts.status >= 500 {
                if let failure = facts.failure {
                    span.recordError(failure)
                    span.attributes["error.type"] = String(reflecting: type(of: failure))
                } else {
                    span.attributes["error.type"] = "\(facts.status)"
                }
                span.setStatus(SpanStatus(code: .error))
            }
        }
        span.end()
    }

    private static func name(_ method: KnownMethod, route: String?) -> String {
        let word = method == .other ? "HTTP" : method.rawValue
        return route.map { "\(word) \($0)" } ?? word
    }
}

/// A request that a context is read from.
private struct RequestCarrier: Sendable {
    let request: Request
}

/// Reads header fields, which are parameters of the request.
private struct HeaderExtractor: Extractor {
    func extract(key: String, from carrier: RequestCarrier) -> String? {
        carrier.request.parameter("HTTP_" + key.uppercased().replacing("-", with: "_"))
    }
}
