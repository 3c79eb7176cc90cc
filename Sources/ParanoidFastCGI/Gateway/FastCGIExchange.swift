internal import ParanoidHTTP
internal import FastCGIServer
internal import Synchronization

/// One FastCGI request for the time it is being answered, shared by its parameters, its body and the writer of its response.
///
/// After ``finish()`` nothing of it can be reached any more: look-ups find nothing, reads and writes fail. Reading and writing block their
/// thread, so they run on the server's own threads, wherever they are called.
final class FastCGIExchange: RequestParameters, ResponseBodyWriter {
    /// The request was answered already.
    struct Finished: Error {}

    private let request: Mutex<FastCGIRequest?>
    /// Few requests need it.
    private let executor: @Sendable () -> any TaskExecutor
    private let hasBegunAnswer = Atomic<Bool>(false)
    private let overdue: (@Sendable () -> Bool)?
    /// What is measured of the request; `nil`: nothing.
    let trace: RequestTrace?

    init(_ request: consuming FastCGIRequest, trace: RequestTrace? = nil, executor: @escaping @Sendable () -> any TaskExecutor) {
        self.trace = trace
        self.overdue = request.overdue
        self.request = Mutex(request)
        self.executor = executor
    }

    // MARK: Parameters

    func lend(_ name: String, to body: (RawSpan?) -> Void) {
        if HeaderParameter.isHidden(name) { return body(nil) }
        self.request.withLock { request in
            if request?.withParameter(name, body) == nil { body(nil) }
        }
    }

    func lend(all names: [String], to body: (RawSpan?) -> Void) {
        self.request.withLock { request in
            let isOver = request?.withParameters(names) { name, value in body(HeaderParameter.isHidden(name) ? nil : value) } == nil
            if isOver { for _ in names { body(nil) } }
        }
    }

    func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) {
        self.request.withLock { request in
            request?.forEachParameter { name, value in
                if !HeaderParameter.isHidden(name) { body(name, value) }
            }
        }
    }

    /// The meta-variables of the request, checked, the role that the web server asks for (`nil` after the end), and when the head was first
    /// seen, in nanoseconds since the epoch.
    func opening() throws(MetaVariableError) -> (variables: MetaVariables, role: RequestRole?, receivedAtNanoseconds: Int64?) {
        var reader = MetaVariableReader()
        var failure: MetaVariableError?
        let (role, time) = self.request.withLock { request in
            request?.forEachParameter { name, value in
                guard failure == nil else { return }
                do throws(MetaVariableError) {
                    try reader.add(name: name, value: value)
                } catch {
                    failure = error
                }
            }
            return (request?.role, request?.receivedAtNanoseconds)
        }
        if let failure { throw failure }
        if reader.hasZeroByte { throw MetaVariableError(.invalidName) }
        return (try reader.finish(), role, time)
    }

    // MARK: Body and response

    /// The request's body, of which nothing is read yet.
    ///
    /// - Throws: ``HTTPError`` with status 400 when bytes have come although none were declared.
    func body(length: Int?, limit: Int) throws(HTTPError) -> RequestBody {
        let outlook = self.request.withLock { request in
            if let length { request?.declareLength(length) }
            return request?.bodyOutlook ?? .empty
        }
        switch (outlook, length) {
        case (.present, 0): throw Self.longerThanDeclared
        case (.empty, nil), (_, 0): return .empty
        default: return RequestBody(length: length, limit: limit) { try await self.read(upTo: $0) }
        }
    }

    /// The web server has sent more than it said.
    private static let longerThanDeclared = HTTPError(.badRequest, message: "The body is longer than declared.")

    /// A body that the client or the web server did not send as announced is no fault of the application.
    private static func responseError(for error: FastCGIServerError) -> any Error {
        switch error.code {
        case .bodyTooLong: self.longerThanDeclared
        case .bodyCut: HTTPError(.badRequest, message: "The body broke off.", cause: error)
        case .bodyTooSlow: HTTPError(.requestTimeout, message: "The body did not arrive in time.", cause: error)
        default: error
        }
    }

    /// Reads the next bytes of the body; `nil` at its end.
    private func read(upTo count: Int) async throws -> [UInt8]? {
        let start = self.trace.map { _ in ContinuousClock.now }
        defer { if let start { self.trace?.add(since: start, to: .read) } }
        return try await withTaskExecutorPreference(self.executor()) {
            try self.request.withLock { request in
                guard request != nil else { throw Finished() }
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
                defer { unsafe buffer.deallocate() }
                do throws(FastCGIServerError) {
                    let read = unsafe try request?.read(into: buffer) ?? 0
                    return read == 0 ? nil : unsafe Array(buffer.prefix(read))
                } catch {
                    throw Self.responseError(for: error)
                }
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        try await withTaskExecutorPreference(self.executor()) {
            try self.writeHere(bytes)
        }
    }

    func flush() async throws {
        try await withTaskExecutorPreference(self.executor()) {
            try self.request.withLock { request in
                guard request != nil else { throw Finished() }
                try request?.flush()
            }
        }
    }

    /// Writes on the calling thread, which has to be one of the server's.
    func writeHere(_ bytes: [UInt8]) throws {
        try self.request.withLock { request in
            guard request != nil else { throw Finished() }
            self.hasBegunAnswer.store(true, ordering: .relaxed)
            try unsafe request?.write(bytes.span.bytes)
        }
    }

    /// Writes head and body on the calling thread, which has to be one of the server's, and ends the response.
    func respond(_ head: [UInt8], _ body: [UInt8]) throws {
        let request = try self.request.withLock { request -> FastCGIRequest? in
            guard request != nil else { throw Finished() }
            self.hasBegunAnswer.store(true, ordering: .relaxed)
            try unsafe request?.write(head.span.bytes)
            // A small body stays in the buffer and leaves with the head in one record.
            if !body.isEmpty { try unsafe request?.write(body.span.bytes) }
            return request.take()
        }
        guard let request else { return }
        request.finish()
    }

    /// Whether the task was cancelled because the request takes too long.
    var isOverdue: Bool { self.overdue?() ?? false }

    /// Answers in the handler's place and leaves it with a request that is finished, unless its response has begun.
    ///
    /// May be called on any thread: it does not wait for one that reads or writes for the request, as that has a time-out of its own.
    ///
    /// - Returns: Whether this is the response.
    func answerInstead(_ bytes: [UInt8]) -> Bool {
        let taken = self.request.withLockIfAvailable { request -> FastCGIRequest? in
            self.hasBegunAnswer.load(ordering: .relaxed) ? nil : request.take()
        }
        guard case .some(.some(var request)) = consume taken else { return false }
        do {
            try unsafe request.write(bytes.span.bytes)
            request.finish()
        } catch {
            // The client has gone, and dropping the request closes the connection.
        }
        return true
    }

    /// Ends the response and gives the connection back.
    func finish() {
        let request = self.request.withLock { $0.take() }
        guard let request else { return }
        request.finish()
    }

    /// Cuts the connection, so that the web server sees that the response is not complete.
    func abandon() {
        _ = self.request.withLock { $0.take() } == nil
    }
}
