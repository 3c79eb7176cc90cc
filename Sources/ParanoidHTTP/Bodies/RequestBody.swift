internal import HTTPTypes
internal import Synchronization

/// The body of a request, read once as a sequence of chunks or collected into memory.
///
/// A body is complete or it is an error: when fewer bytes come than declared, or more, reading throws an ``HTTPError`` with status 400. A
/// body without a declared length ends where the web server ends it. A collected body can be collected again and iterated; the chunks of an
/// iterated one are gone. One task reads at a time, and a slow reader slows the client down.
public struct RequestBody: AsyncSequence, Sendable {
    /// The declared length in bytes (`CONTENT_LENGTH`); `nil` when none was declared.
    package let length: Int?
    /// The most bytes that are let through.
    package let limit: Int
    private let source: BodySource?

    /// No body.
    package static let empty = RequestBody(length: 0, limit: 0, source: nil)

    /// Creates a body that is read on demand.
    ///
    /// A body is complete or it is an error: fewer bytes than declared, or more, are a 400 (RFC 9112, section 8; RFC 3875, section 4.2).
    ///
    /// - Parameters:
    ///   - length: The declared length in bytes; `nil` when none was declared, and the body is then everything up to the end of the stream.
    ///   - limit: The most bytes to accept; more is ``HTTPError/contentTooLarge``.
    ///   - read: Returns up to that many bytes, at least one; `nil` at the end. It is never asked for more than the declared length.
    ///   - hasSurplus: Asked once after the declared length has been read, for a length of 0 too: whether the stream has brought more bytes.
    package init(
        length: Int?,
        limit: Int,
        read: @escaping @Sendable (_ upTo: Int) async throws -> [UInt8]?,
        hasSurplus: (@Sendable () async throws -> Bool)? = nil
    ) {
        let isEmpty = length == 0 && hasSurplus == nil
        self.init(length: length, limit: limit, source: isEmpty ? nil : BodySource(length: length, read: read, hasSurplus: hasSurplus))
    }

    /// Creates a body from bytes in memory.
    package init(bytes: [UInt8], limit: Int = .max) {
        self.init(length: bytes.count, limit: limit, source: bytes.isEmpty ? nil : BodySource(collected: bytes))
    }

    private init(length: Int?, limit: Int, source: BodySource?) {
        self.length = length
        self.limit = limit
        self.source = source
    }

    /// The same body with another limit in bytes.
    package func limited(to limit: Int) -> RequestBody {
        RequestBody(length: self.length, limit: limit, source: self.source)
    }

    /// Reads the body to its end and gives all bytes; a second call gives the same bytes.
    ///
    /// It suspends until the web server has sent the rest.
    ///
    /// - Parameter limit: The most bytes to accept, whether it is more or less than the limit of the route or the application; `nil`: that limit.
    /// - Throws: ``HTTPError`` with status 413 over the limit and 400 for a body shorter or longer than declared; an error of the program when
    ///   the body was iterated before or another task reads it; the connection's error.
    public func collect(upTo limit: Int? = nil) async throws -> [UInt8] {
        guard let source else { return [] }
        let limited = limit.map { self.limited(to: $0) } ?? self
        try limited.checkLength()
        return try await source.collect(limit: limited.limit)
    }

    /// Looks at the beginning of the body without taking it: a later reader gets these bytes, too.
    ///
    /// It reads until `isEnough` says so, the body has brought `count` bytes, or its end. Once the body is being read there is no beginning.
    ///
    /// - Throws: As ``collect(upTo:)`` does.
    package func peek(upTo count: Int, until isEnough: @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        guard let source else { return [] }
        try self.checkLength()
        return try await source.peek(upTo: count, limit: self.limit, until: isEnough)
    }

    /// An iterator over the chunks; it begins where an iterator before it has stopped.
    ///
    /// Each step suspends until the web server has sent a chunk, and throws as ``collect(upTo:)`` does.
    public func makeAsyncIterator() -> some AsyncIteratorProtocol<[UInt8], any Error> {
        Chunks(body: self)
    }

    /// Reads the chunks of a body in their order.
    private struct Chunks: AsyncIteratorProtocol {
        let body: RequestBody
        var isDone = false

        mutating func next() async throws -> [UInt8]? {
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

/// The position in a body, shared by all copies of the request.
private final class BodySource: Sendable {
    private static let chunkSize = 65_536

    private enum Progress {
        /// Nothing has been read.
        case untouched
        /// The beginning was looked at, and not taken.
        case peeked([UInt8], isWhole: Bool)
        /// Chunks were handed out; `isReading` while a task waits for the next one.
        case reading(received: Int, isReading: Bool)
        /// The chunks are gone: the end was reached, or reading failed.
        case ended
        /// All bytes are here, and can be had again.
        case collected([UInt8])
    }

    private let length: Int?
    private let read: @Sendable (_ upTo: Int) async throws -> [UInt8]?
    private let hasSurplus: (@Sendable () async throws -> Bool)?
    private let progress: Mutex<Progress>

    init(
        length: Int?,
        read: @escaping @Sendable (_ upTo: Int) async throws -> [UInt8]?,
        hasSurplus: (@Sendable () async throws -> Bool)?
    ) {
        self.length = length
        self.read = read
        self.hasSurplus = hasSurplus
        self.progress = Mutex(.untouched)
    }

    init(collected bytes: [UInt8]) {
        self.length = bytes.count
        self.read = { _ in nil }
        self.hasSurplus = nil
        self.progress = Mutex(.collected(bytes))
    }

    /// All bytes, if they were collected.
    var collected: [UInt8]? {
        self.progress.withLock { progress in
            if case .collected(let bytes) = progress { bytes } else { nil }
        }
    }

    func collect(limit: Int) async throws -> [UInt8] {
        if let bytes = self.collected {
            guard bytes.count <= limit else { throw HTTPError.contentTooLarge }
            return bytes
        }
        try self.progress.withLock { progress in
            switch progress {
            case .untouched: progress = .reading(received: 0, isReading: false)
            case .peeked: break
            case .reading, .ended, .collected: throw RequestBodyError.alreadyConsumed
            }
        }
        var bytes: [UInt8] = []
        while let chunk = try await self.next(limit: limit) {
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        }
        self.progress.withLock { $0 = .collected(bytes) }
        return bytes
    }

    /// The beginning of the body, which stays there for the next reader.
    func peek(upTo count: Int, limit: Int, until isEnough: @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        if let bytes = self.collected { return bytes }
        let isReadable = self.progress.withLock { progress in
            switch progress {
            case .untouched, .peeked: true
            case .reading, .ended, .collected: false
            }
        }
        guard isReadable else { return [] }
        var bytes: [UInt8] = []
        while bytes.count < count, !isEnough(bytes) {
            guard let chunk = try await self.next(limit: limit) else {
                self.progress.withLock { $0 = .peeked(bytes, isWhole: true) }
                return bytes
            }
            bytes += chunk
        }
        self.progress.withLock { $0 = .peeked(bytes, isWhole: false) }
        return bytes
    }

    /// Takes what was only looked at; `nil` when there is no such thing.
    private func takePeeked(limit: Int) throws -> [UInt8]? {
        try self.progress.withLock { progress in
            guard case .peeked(let bytes, let isWhole) = progress else { return nil }
            progress = isWhole ? .ended : .reading(received: bytes.count, isReading: false)
            guard bytes.count <= limit else {
                progress = .ended
                throw HTTPError.contentTooLarge
            }
            return bytes
        }
    }

    /// The next chunk; `nil` at the end.
    func next(limit: Int) async throws -> [UInt8]? {
        if let bytes = try self.takePeeked(limit: limit), !bytes.isEmpty { return bytes }
        guard let received = try self.begin(limit: limit) else { return nil }
        let chunk: [UInt8]
        do {
            chunk = try await self.chunk(after: received, limit: limit)
        } catch {
            self.progress.withLock { $0 = .ended }
            throw error
        }
        self.progress.withLock { progress in
            progress = chunk.isEmpty ? .ended : .reading(received: received + chunk.count, isReading: false)
        }
        return chunk.isEmpty ? nil : chunk
    }

    /// How many bytes were read before; `nil` behind the end.
    private func begin(limit: Int) throws -> Int? {
        try self.progress.withLock { progress in
            switch progress {
            case .untouched:
                progress = .reading(received: 0, isReading: true)
                return 0
            case .reading(_, isReading: true):
                throw RequestBodyError.concurrentUse
            case .reading(let received, isReading: false):
                if received > limit { throw HTTPError.contentTooLarge }
                progress = .reading(received: received, isReading: true)
                return received
            case .ended, .collected, .peeked:
                return nil
            }
        }
    }

    /// Reads the next chunk; an empty one is the end.
    private func chunk(after received: Int, limit: Int) async throws -> [UInt8] {
        if let length, received >= length {
            guard try await self.hasSurplus?() != true else {
                throw HTTPError(.badRequest, message: "The body is longer than declared.")
            }
            return []
        }
        // One byte over the limit tells a body that fills it from one that is too large.
        let open = limit == .max ? .max : limit - received + 1
        let chunk = try await self.read(min(Self.chunkSize, self.length.map { $0 - received } ?? .max, open)) ?? []
        if chunk.isEmpty, let length, received < length {
            throw HTTPError(.badRequest, message: "The body is shorter than declared.")
        }
        if received + chunk.count > limit { throw HTTPError.contentTooLarge }
        return chunk
    }
}

/// A body that was read in a way it cannot be; a mistake of the handler.
package struct RequestBodyError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case consumed = "the body was already read piece by piece"
        case concurrent = "the body is being read by another task"
    }

    private let kind: Kind

    /// The body was read piece by piece before, so it can no longer be collected or read again.
    package static let alreadyConsumed = Self(kind: .consumed)
    /// Another task is reading the body at this moment.
    package static let concurrentUse = Self(kind: .concurrent)

    /// The mistake in words.
    package var description: String { self.kind.rawValue }
}
