/// The body of a request, read once as a sequence of chunks or collected into memory.
///
/// What was collected can be collected again and iterated; what was iterated is gone. One task reads at a time.
public struct RequestBody: AsyncSequence, Sendable {
    /// A chunk of at least one byte.
    public typealias Element = [UInt8]
    /// Bodies fail with errors of the connection and with ``HTTPError``.
    public typealias Failure = any Error

    /// The announced length in bytes; `nil` when it is unknown.
    public let length: Int?
    /// The most bytes that are let through.
    public let limit: Int
    private let source: RequestBodySource?

    /// No body.
    public static let empty = RequestBody(length: 0, limit: 0, source: nil)

    /// Creates a body that is read on demand.
    ///
    /// - Parameters:
    ///   - length: The announced length in bytes; no more are read, and fewer are an error (RFC 3875, section 4.2).
    ///   - limit: The most bytes to accept; more is ``HTTPError/contentTooLarge``.
    ///   - read: Returns up to that many bytes, at least one; `nil` at the end.
    public init(length: Int?, limit: Int, read: @escaping @Sendable (_ upTo: Int) async throws -> [UInt8]?) {
        self.init(length: length, limit: limit, source: length == 0 ? nil : RequestBodySource(length: length, read: read))
    }

    /// Creates a body from bytes in memory.
    public init(bytes: [UInt8], limit: Int = .max) {
        self.init(length: bytes.count, limit: limit, source: bytes.isEmpty ? nil : RequestBodySource(collected: bytes))
    }

    private init(length: Int?, limit: Int, source: RequestBodySource?) {
        self.length = length
        self.limit = limit
        self.source = source
    }

    /// The same body with another limit, for a handler that accepts more or less than usual.
    public func limited(to limit: Int) -> RequestBody {
        RequestBody(length: self.length, limit: limit, source: self.source)
    }

    /// All bytes; calling it again gives the same bytes.
    ///
    /// - Throws: ``HTTPError`` with status 413 over the limit and 400 for a body shorter than announced, ``RequestBodyError``, or the
    ///   connection's error.
    public func collect() async throws -> [UInt8] {
        guard let source else { return [] }
        try self.checkLength()
        return try await source.collect(limit: self.limit)
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(body: self)
    }

    /// Reads the chunks of a body in their order.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let body: RequestBody
        private var isDone = false

        fileprivate init(body: RequestBody) {
            self.body = body
        }

        /// The next chunk; `nil` at the end.
        ///
        /// - Throws: As ``RequestBody/collect()`` does.
        public mutating func next() async throws -> [UInt8]? {
            guard !self.isDone, let source = self.body.source else { return nil }
            try self.body.checkLength()
            if let bytes = source.collected {
                self.isDone = true
                guard bytes.count <= self.body.limit else { throw HTTPError.contentTooLarge }
                return bytes
            }
            guard let chunk = try await source.next(limit: self.body.limit) else {
                self.isDone = true
                return nil
            }
            return chunk
        }
    }

    private func checkLength() throws(HTTPError) {
        if let length, length > self.limit { throw HTTPError.contentTooLarge }
    }
}
