internal import Synchronization

/// The connection that the body of a response is written to.
public protocol ResponseBodyWriter: Sendable {
    /// Sends bytes and suspends until the connection has taken them, so a slow client slows the handler down.
    ///
    /// - Throws: An error of the connection when the client has gone or does not read in time, and when more bytes come than the stream has
    ///   declared.
    func write(_ bytes: [UInt8]) async throws

    /// Sends the bytes that are still in a buffer, and suspends until the connection has taken them.
    ///
    /// - Throws: An error of the connection when the client has gone or does not read in time.
    func flush() async throws
}

extension ResponseBodyWriter {
    /// Sends the UTF-8 form of a text, as ``write(_:)-([UInt8])`` does.
    public func write(_ text: String) async throws {
        try await self.write(Array(text.utf8))
    }
}

/// The body of a response: empty, bytes in memory, or a closure that writes while the client reads.
public struct ResponseBody: Sendable {
    /// What a body is made of.
    package enum Content: Sendable {
        case empty
        case bytes([UInt8])
        case stream(length: Int?, @Sendable (any ResponseBodyWriter) async throws -> Void)
        /// The body of a response to HEAD: only its length is known.
        case omitted(length: Int?)
    }

    /// What the body is made of.
    package let content: Content

    /// A body of no bytes.
    public static let empty = ResponseBody(content: .empty)

    /// A body of these bytes.
    public static func bytes(_ bytes: [UInt8]) -> ResponseBody {
        ResponseBody(content: .bytes(bytes))
    }

    /// A body that is written piece by piece.
    ///
    /// - Parameters:
    ///   - length: The number of bytes that `write` will write, if known; writing another number breaks the connection.
    ///   - write: Writes the body; runs after the head was sent, so an error can only cut the response short.
    public static func stream(
        length: Int? = nil,
        _ write: @escaping @Sendable (any ResponseBodyWriter) async throws -> Void
    ) -> ResponseBody {
        ResponseBody(content: .stream(length: length, write))
    }

    /// The length in bytes; `nil` for a stream that has declared none.
    public var length: Int? {
        switch self.content {
        case .empty: 0
        case .bytes(let bytes): bytes.count
        case .stream(let length, _), .omitted(let length): length
        }
    }

    /// Whether there is nothing to send, whatever the length says.
    package var isEmpty: Bool {
        switch self.content {
        case .empty, .omitted: true
        case .bytes(let bytes): bytes.isEmpty
        case .stream: false
        }
    }

    /// The same length without the bytes.
    func omitted() -> ResponseBody {
        ResponseBody(content: .omitted(length: self.length))
    }

    /// Writes the body and checks that a stream keeps its word about its length.
    ///
    /// - Throws: What the writer or the stream throws, and ``ResponseError/Code/lengthMismatch``.
    package func write(to writer: any ResponseBodyWriter) async throws {
        switch self.content {
        case .empty, .omitted:
            break
        case .bytes(let bytes):
            if !bytes.isEmpty { try await writer.write(bytes) }
        case .stream(nil, let write):
            try await write(writer)
        case .stream(let length?, let write):
            let counter = CountingBodyWriter(writer, length: length)
            try await write(counter)
            try counter.finish()
        }
    }
}

/// Passes bytes on and refuses those beyond the declared length.
final class CountingBodyWriter: ResponseBodyWriter {
    private let writer: any ResponseBodyWriter
    private let missing: Mutex<Int>

    init(_ writer: any ResponseBodyWriter, length: Int) {
        self.writer = writer
        self.missing = Mutex(length)
    }

    func write(_ bytes: [UInt8]) async throws {
        let fits = self.missing.withLock { missing in
            missing -= bytes.count
            return missing >= 0
        }
        guard fits else { throw ResponseError(.lengthMismatch) }
        try await self.writer.write(bytes)
    }

    func flush() async throws {
        try await self.writer.flush()
    }

    func finish() throws(ResponseError) {
        guard self.missing.withLock({ $0 == 0 }) else { throw ResponseError(.lengthMismatch) }
    }
}
