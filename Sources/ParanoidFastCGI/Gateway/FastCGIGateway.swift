internal import ParanoidHTTP
internal import FastCGIServer
internal import HTTPTypes
internal import ParanoidLinux
internal import Logging
internal import Synchronization
internal import Tracing

/// Has FastCGI requests answered by the application: parameters in, head and body out.
struct FastCGIGateway: Sendable {
    let responder: RequestResponder
    /// Whether requests have to be answered within a time.
    let hasDeadline: Bool
    /// The bytes of a response's head beyond which there is a warning.
    let longestHead: Int
    /// Measures requests; `nil`: nobody does.
    let monitor: RequestMonitor?
    /// When the doctor may be told what a request came with.
    let probes: ProbeWindow?
    /// Counts.
    let count: @Sendable (ServerStatistics.Event) -> Void
    private let heads = HeadBuffers()

    init(
        responder: RequestResponder,
        hasDeadline: Bool,
        longestHead: Int,
        monitor: RequestMonitor?,
        probes: ProbeWindow? = nil,
        count: @escaping @Sendable (ServerStatistics.Event) -> Void
    ) {
        self.monitor = monitor
        self.probes = probes
        self.responder = responder
        self.hasDeadline = hasDeadline
        self.longestHead = longestHead
        self.count = count
    }

    /// Answers one request and finishes it.
    func handle(_ request: consuming FastCGIRequest, executor: @escaping @Sendable () -> any TaskExecutor) async {
        let trace = self.monitor?.begin()
        defer { if let trace { self.monitor?.end(trace) } }
        let exchange = FastCGIExchange(request, trace: trace, executor: executor)
        guard self.hasDeadline else { return await self.answer(exchange) }
        await withTaskCancellationHandler {
            await self.answer(exchange)
        } onCancel: {
            if exchange.isOverdue {
                if let trace { self.monitor?.noteCancellation(of: trace) }
                let response = Self.overdueResponse
                // What the handler returns later is nobody's response.
                if exchange.answerInstead(self.head(of: response) + Self.overdueText), let trace { Self.note(response, in: trace) }
            }
        }
    }

    /// The application could not answer in its time.
    ///
    /// A 504 would say that somebody behind it could not; nginx says that of this application
    /// when its own time is over, and so its log tells the two apart.
    private static var overdueResponse: Response {
        Response.text(String(decoding: Self.overdueText, as: UTF8.self), status: .serviceUnavailable)
    }
    private static let overdueText = Array("Service Unavailable\n".utf8)

    private func answer(_ exchange: FastCGIExchange) async {
        switch self.request(of: exchange) {
        case .request(let request):
            if let tracing = self.monitor?.tracing { return await self.answer(request, on: exchange, tracing) }
            let response = await self.responder.respond(to: request)
            guard let rest = self.send(response, to: request, on: exchange) else { return }
            await self.stream(rest, to: request, on: exchange)
        case .question(let request):
            guard let tracing = self.monitor?.tracing else { return await self.answer(question: request, on: exchange) }
            let span = tracing.begin(request, isQuestion: true)
            await ServiceContext.withValue(span.context) { await self.answer(question: request, on: exchange) }
            tracing.end(span, exchange.trace)
        case .refused(let response):
            // Its body is in memory.
            _ = self.send(response, to: nil, on: exchange)
        }
    }

    /// Tells the web server whether a request may pass.
    private func answer(question request: Request, on exchange: FastCGIExchange) async {
        let answer = await self.responder.respond(to: request).authorizerAnswer(
            now: HTTPDate(secondsSinceUnixEpoch: WallClock.nanosecondsSinceEpoch() / 1_000_000_000)
        )
        _ = self.send(answer, to: request, on: exchange)
    }

    /// Answers within a span, which ends with the last byte.
    private func answer(_ request: Request, on exchange: FastCGIExchange, _ tracing: RequestTracing) async {
        let span = tracing.begin(request)
        await ServiceContext.withValue(span.context) {
            let response = await self.responder.respond(to: request)
            guard let rest = self.send(response, to: request, on: exchange) else { return }
            await self.stream(rest, to: request, on: exchange)
        }
        tracing.end(span, exchange.trace)
    }

    private enum Reading {
        case request(Request)
        /// Of an authorizer, whose answer has a form of its own.
        case question(Request)
        case refused(Response)
    }

    // These are not part of answer(_:), as the values of a function that suspends take room in its task while the handler runs.

    @inline(never)
    private func request(of exchange: FastCGIExchange) -> Reading {
        // Before the parameters are judged: what is wrong with them is what the doctor asks for.
        if let probes = self.probes, let response = ProbeReply.response(to: exchange, probes) {
            self.responder.logger.info("a probe of the doctor was answered")
            return .refused(response)
        }
        do throws(MetaVariableError) {
            let (variables, role, receivedAt) = try exchange.opening()
            if role == .authorizer, let gate = self.responder.gatePath {
                var request = self.responder.request(variables.question(to: gate), parameters: exchange, body: .empty)
                Self.measure(&request, receivedAt: receivedAt, exchange)
                request[AuthorizerQuestion.self] = AuthorizerQuestion()
                return .question(request)
            }
            guard role == .responder else {
                return .refused(
                    Response.text("This application does not answer requests of this role.\n", status: .notImplemented)
                )
            }
            do throws(HTTPError) {
                let body = try exchange.body(length: variables.contentLength, limit: self.responder.bodyLimit)
                var request = self.responder.request(variables, parameters: exchange, body: body)
                Self.measure(&request, receivedAt: receivedAt, exchange)
                return .request(request)
            } catch {
                return .refused(self.responder.refusal(error))
            }
        } catch {
            return .refused(self.responder.refusal(error))
        }
    }

    /// Begins to measure a request, if anybody wants to know.
    private static func measure(_ request: inout Request, receivedAt: Int64?, _ exchange: FastCGIExchange) {
        request.receivedAtNanoseconds = receivedAt
        guard let trace = exchange.trace else { return }
        if let receivedAt { trace.add(WallClock.nanosecondsSinceEpoch() - receivedAt, to: .queued) }
        request.trace = trace
    }

    /// Answers a request for which there is no room.
    func rejectOverload(_ request: consuming FastCGIRequest) {
        var request = request
        let bytes = self.head(of: Self.busyResponse) + Self.overdueText
        do throws(FastCGIServerError) {
            try unsafe request.write(bytes.span.bytes)
            request.finish()
        } catch {
            // The client has gone, and dropping the request closes the connection.
        }
    }

    /// The whole response to a request whose parameters are beyond the limits.
    var refusal: [UInt8] {
        let text = "Bad Request\n"
        return self.head(of: Response.text(text, status: .badRequest)) + Array(text.utf8)
    }

    /// As many requests as allowed are running; the client may try again soon.
    private static var busyResponse: Response {
        var response = Self.overdueResponse
        try? response.setHeader("1", for: .retryAfter)
        return response
    }

    /// Counts a response and sends what of it is in memory, on the calling thread.
    ///
    /// - Returns: A body that is still to be written.
    @inline(never)
    private func send(_ response: Response, to request: Request?, on exchange: FastCGIExchange) -> ResponseBody? {
        if exchange.isOverdue {
            // A handler that ends because it was cancelled may be faster than the one that answers in its place.
            return self.write(response.status.code >= 500 ? Self.overdueResponse : response, request, on: exchange)
        }
        if let counter = ServerStatistics.Event(status: response.status.code) { self.count(counter) }
        return self.write(response, request, on: exchange)
    }

    private func write(_ response: Response, _ request: Request?, on exchange: FastCGIExchange) -> ResponseBody? {
        let start = exchange.trace.map { _ in ContinuousClock.now }
        var isSent = true
        defer {
            if let start, let trace = exchange.trace {
                trace.add(since: start, to: .write)
                if isSent { Self.note(response, in: trace) }
            }
        }
        do {
            try self.heads.withBuffer { head in
                self.appendHead(of: response, to: request, on: exchange, in: &head)
                switch response.body.content {
                case .stream: try exchange.writeHere(head)
                case .bytes(let body): try exchange.respond(head, body)
                case .empty, .omitted: try exchange.respond(head, [])
                }
            }
            if case .stream = response.body.content { return response.body }
        } catch {
            isSent = !(error is FastCGIExchange.Finished)
            self.cutShort(error, request, exchange)
        }
        return nil
    }

    private static func note(_ response: Response, in trace: RequestTrace) {
        trace.note { facts in
            facts.status = response.status.code
            switch response.body.content {
            case .bytes(let body): facts.bodyByteCount = body.count
            case .empty, .omitted: facts.bodyByteCount = 0
            case .stream: break
            }
        }
    }

    @inline(never)
    private func stream(_ body: ResponseBody, to request: Request, on exchange: FastCGIExchange) async {
        let start = exchange.trace.map { _ in ContinuousClock.now }
        defer { if let start { exchange.trace?.add(since: start, to: .write) } }
        do {
            try await body.write(to: exchange)
            exchange.finish()
        } catch {
            self.cutShort(error, request, exchange)
        }
    }

    /// The head is on its way: all that is left is to let the web server see that something is missing.
    private func cutShort(_ error: any Error, _ request: Request?, _ exchange: FastCGIExchange) {
        if request?.logs(.debug) ?? false {
            self.logger(request).debug("response cut short", metadata: Self.metadata("\(type(of: error))", exchange))
        }
        exchange.abandon()
    }

    /// The logger of lines about a response; `nil`: there was no request that could be read.
    private func logger(_ request: Request?) -> Logger { request?.logger ?? self.responder.logger }

    private static func metadata(_ error: String, _ exchange: FastCGIExchange?) -> Logger.Metadata {
        ["error": "\(error)", "http.route": "\(exchange?.trace?.withFacts { $0.route } ?? "-")"]
    }

    private func head(of response: Response) -> [UInt8] {
        var bytes: [UInt8] = []
        self.appendHead(of: response, to: nil, on: nil, in: &bytes)
        return bytes
    }

    /// Appends the bytes of a response's head.
    ///
    /// The security headers are the same for all responses, so they are there as bytes; a response with one of its own gets the others one by
    /// one.
    private func appendHead(of response: Response, to request: Request?, on exchange: FastCGIExchange?, in bytes: inout [UInt8]) {
        let isSecure = request?.isSecure ?? false
        let security = isSecure ? self.responder.securityBlocks.overHTTPS : self.responder.securityBlocks.always
        do throws(CGIResponseHeadError) {
            if security.isPartlyIn(response) {
                var response = response
                self.responder.securityHeaders.apply(to: &response, isSecure: isSecure)
                try Self.appendHead(of: response, [], to: &bytes)
            } else {
                try Self.appendHead(of: response, security.bytes, to: &bytes)
            }
            if bytes.count > self.longestHead { self.warn(headOf: bytes.count, request) }
        } catch {
            self.logger(request).error("the response's head is not valid", metadata: Self.metadata("\(error)", exchange))
            bytes.removeAll(keepingCapacity: true)
            bytes += "Status: 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n".utf8
        }
    }

    private static func appendHead(of response: Response, _ security: [UInt8], to bytes: inout [UInt8]) throws(CGIResponseHeadError) {
        // The time matters to cookies only.
        let seconds = response.cookies.isEmpty ? 0 : WallClock.nanosecondsSinceEpoch() / 1_000_000_000
        // HAProxy makes a 302 of a head in which `Location` comes behind `Status`; for all others the order means nothing.
        let mayHaveLocation = response.status.kind == .redirection || response.status.code == 201
        if !mayHaveLocation { try CGIResponseHead.appendStatus(response.status, to: &bytes) }
        try CGIResponseHead.appendFields(of: response, now: HTTPDate(secondsSinceUnixEpoch: seconds), to: &bytes)
        if mayHaveLocation { try CGIResponseHead.appendStatus(response.status, to: &bytes) }
        bytes += security
        CGIResponseHead.appendEnd(to: &bytes)
    }

    private func warn(headOf bytes: Int, _ request: Request?) {
        self.count(.largeResponseHeads)
        self.logger(request).warning(
            "a response's head is longer than the web server's buffer may be",
            metadata: ["response.head": .stringConvertible(bytes), "response.limit": .stringConvertible(self.longestHead)]
        )
    }
}

/// Arrays for the heads of responses, used again and again.
private final class HeadBuffers: Sendable {
    /// An array with an address.
    ///
    /// `@unchecked Sendable`: whoever has taken it from its place owns it.
    private final class Buffer: @unchecked Sendable {
        var bytes: [UInt8] = []
    }

    /// A longer head is not worth keeping its memory.
    private static let longest = 16 << 10
    private let free = SparePlaces()

    /// Lends an empty array.
    func withBuffer<Failure: Error>(_ body: (inout [UInt8]) throws(Failure) -> Void) throws(Failure) {
        let buffer = unsafe self.free.take().map { unsafe Unmanaged<Buffer>.fromOpaque($0).takeRetainedValue() } ?? Buffer()
        defer {
            if buffer.bytes.capacity <= Self.longest {
                buffer.bytes.removeAll(keepingCapacity: true)
                let kept = unsafe Unmanaged.passRetained(buffer)
                if unsafe !self.free.give(kept.toOpaque()) { unsafe kept.release() }
            }
        }
        try body(&buffer.bytes)
    }

    deinit {
        unsafe self.free.takeAll { buffer in unsafe Unmanaged<Buffer>.fromOpaque(buffer).release() }
    }
}
