internal import HTTPTypes
internal import Synchronization

/// How much of a `multipart/form-data` body is accepted; the limit of the whole body is that of the route.
public struct MultipartLimits: Sendable {
    package let parts: Int
    package let fieldBytes: Int
    package let fileBytes: Int?

    /// Limits how many parts are accepted and how long each may be.
    ///
    /// - Parameters:
    ///   - parts: The most parts.
    ///   - fieldBytes: The most bytes of a part that is no file.
    ///   - fileBytes: The most bytes of a part that is a file; `nil`: only the limit of the body counts.
    public init(parts: Int = 100, fieldBytes: Int = 65_536, fileBytes: Int? = nil) {
        self.parts = parts
        self.fieldBytes = fieldBytes
        self.fileBytes = fileBytes
    }
}

extension Request {
    /// The parts of a `multipart/form-data` body, as they come (RFC 7578).
    ///
    /// ```swift
    /// for try await part in try request.multipart() where part.fileName != nil {
    ///     for try await bytes in part { … }
    /// }
    /// ```
    ///
    /// Nothing is kept: a part is read before the next one, and what is not read of it is skipped. The body can be read once.
    ///
    /// - Throws: ``HTTPError`` with status 415 for another content type; reading throws 413 over a limit and 400 for a body that is not such a form or not
    ///   complete.
    public func multipart(limits: MultipartLimits = MultipartLimits()) throws -> some AsyncSequence<MultipartPart, any Error> & Sendable {
        guard let boundary = Multipart.boundary(of: self) else { throw HTTPError.unsupportedMediaType }
        return Multipart(reader: MultipartReader(body: self.body, boundary: boundary, limits: limits))
    }
}

/// The parts of a form that comes as `multipart/form-data`, in their order; iterate once.
package struct Multipart: AsyncSequence, Sendable {
    fileprivate let reader: MultipartReader

    package func makeAsyncIterator() -> Parts { Parts(reader: self.reader) }

    /// Reads the parts in their order.
    package struct Parts: AsyncIteratorProtocol {
        fileprivate let reader: MultipartReader

        /// The next part, when what is left of the one before was skipped; `nil` at the end of the form.
        ///
        /// - Throws: ``HTTPError`` with status 413 over a limit and 400 for a malformed or incomplete form; the errors of the body.
        package mutating func next() async throws -> MultipartPart? { try await self.reader.nextPart() }
    }

    /// The boundary that the request's content type names; `nil` for another content type.
    package static func boundary(of request: Request) -> [UInt8]? {
        guard let type = request.parameters.bytes(of: "CONTENT_TYPE"), type.count <= 1024,
            let found = FieldParameters(type, escapes: .all), found.value == Array("multipart/form-data".utf8),
            let boundary = found.first("boundary"), 1...70 ~= boundary.count, boundary.last != 0x20,
            boundary.allSatisfy({ Self.isBoundaryByte($0) })
        else { return nil }
        return boundary
    }

    // RFC 2046, section 5.1.1.
    private static func isBoundaryByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: "'()+_,-./:=? ".utf8.contains(byte)
        }
    }

    /// What the beginning of a body says of a form's first part.
    package enum FirstField: Sendable, Hashable {
        /// It is the field, and this is its value.
        case value([UInt8])
        /// It is another one, or the form is malformed.
        case absent
        /// More of the body has to be seen.
        case undecided
    }

    /// Looks for a field that has to be the first part of a form.
    package static func firstField(_ name: String, in beginning: [UInt8], boundary: [UInt8]) -> FirstField {
        var parser = MultipartParser(boundary: boundary, maximumParts: 1)
        parser.append(beginning)
        var value: [UInt8] = []
        do {
            while let event = try parser.next() {
                switch event {
                case .part(let head): if head.name != name || head.isFile { return .absent }
                case .content(let bytes): value += bytes
                case .partEnd: return .value(value)
                case .end: return .absent
                }
            }
        } catch {
            return .absent
        }
        return .undecided
    }
}

/// One part: a field, or a file.
///
/// Its bytes come as an asynchronous sequence.
public struct MultipartPart: AsyncSequence, Sendable {
    fileprivate let reader: MultipartReader
    fileprivate let number: Int
    fileprivate let head: MultipartHead

    /// The name of the field.
    public var name: String { self.head.name }
    /// The client's name for the file, cleaned for being shown and never to be used as a path; `nil` for a field that is no file.
    public var fileName: String? { self.head.fileName ?? (self.head.isFile ? "file" : nil) }
    /// The media type in the client's words; `nil` when it says nothing.
    ///
    /// It proves nothing about the bytes.
    public var contentType: String? { self.head.contentType }
    /// Whether the client has named the file; browsers send a part without for an input of type file that was left empty.
    package var isNamed: Bool { self.head.fileName != nil }

    /// Reads the part to its end.
    ///
    /// - Throws: ``HTTPError`` with status 413 when it has more than `limit` bytes or than ``MultipartLimits`` say; as the iterator does.
    public func collect(upTo limit: Int = 65_536) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in self {
            guard bytes.count + chunk.count <= limit else {
                throw self.head.isFile ? MultipartError.fileTooLarge.response : MultipartError.fieldTooLarge.response
            }
            bytes += chunk
        }
        return bytes
    }

    /// An iterator over the bytes; it begins where an iterator before it has stopped.
    ///
    /// Each step suspends until the web server has sent bytes. It throws ``HTTPError`` with status 413 over a limit and 400 for a malformed or
    /// incomplete form, the errors of the body, and an error of the program when the next part was asked for already.
    public func makeAsyncIterator() -> some AsyncIteratorProtocol<[UInt8], any Error> { Chunks(part: self) }

    /// Reads the bytes of a part in pieces.
    private struct Chunks: AsyncIteratorProtocol {
        let part: MultipartPart

        mutating func next() async throws -> [UInt8]? { try await self.part.reader.nextBytes(of: self.part.number) }
    }
}

/// The position in a form, shared by its parts.
private final class MultipartReader: Sendable {
    private struct State {
        var parser: MultipartParser
        var part = 0
        var isFile = false
        var length = 0
        var isPartOver = true
        var isOver = false
    }

    private let body: RequestBody
    private let limits: MultipartLimits
    private let state: Mutex<State>

    init(body: RequestBody, boundary: [UInt8], limits: MultipartLimits) {
        self.body = body
        self.limits = limits
        self.state = Mutex(State(parser: MultipartParser(boundary: boundary, maximumParts: limits.parts)))
    }

    func nextPart() async throws -> MultipartPart? {
        while true {
            switch try await self.nextEvent() {
            case nil: return nil
            case .part(let head)?:
                let number = self.state.withLock { state in
                    state.part += 1
                    (state.isFile, state.length, state.isPartOver) = (head.isFile, 0, false)
                    return state.part
                }
                return MultipartPart(reader: self, number: number, head: head)
            case .content?, .partEnd?, .end?: continue
            }
        }
    }

    func nextBytes(of number: Int) async throws -> [UInt8]? {
        let isOver = try self.state.withLock { state in
            guard state.part == number else { throw RequestBodyError.alreadyConsumed }
            return state.isPartOver
        }
        guard !isOver else { return nil }
        guard case .content(let bytes)? = try await self.nextEvent() else { return nil }
        return bytes
    }

    /// The next event, within the limits; `nil` behind the end of the form, when the body was read to its end.
    private func nextEvent() async throws -> MultipartParser.Event? {
        var chunks = self.body.makeAsyncIterator()
        do {
            while true {
                if let event = try self.state.withLock({ try self.take(&$0) }) { return event }
                guard let chunk = try await chunks.next() else {
                    try self.state.withLock { state in
                        if !state.isOver { try state.parser.finish() }
                        state.isOver = true
                    }
                    return nil
                }
                self.state.withLock { $0.parser.append(chunk) }
            }
        } catch let error as MultipartError {
            throw error.response
        }
    }

    private func take(_ state: inout State) throws(MultipartError) -> MultipartParser.Event? {
        guard let event = try state.parser.next() else { return nil }
        switch event {
        case .content(let bytes):
            state.length += bytes.count
            if state.isFile {
                if let limit = self.limits.fileBytes, state.length > limit { throw .fileTooLarge }
            } else if state.length > self.limits.fieldBytes {
                throw .fieldTooLarge
            }
        case .partEnd: state.isPartOver = true
        case .part, .end: break
        }
        return event
    }
}

extension MultipartError: HTTPErrorConvertible, CustomStringConvertible {
    package var description: String { self.rawValue }

    package var httpError: HTTPError? { self.response }

    var response: HTTPError {
        switch self {
        case .malformed, .incomplete: HTTPError(.badRequest, message: "The form is not valid.", cause: self)
        case .tooManyParts, .fieldTooLarge, .fileTooLarge: HTTPError(.contentTooLarge, message: "The form is too large.", cause: self)
        }
    }
}
