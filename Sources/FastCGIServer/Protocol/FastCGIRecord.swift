/// The bytes of the records that are sent (FastCGI specification 1.0, section 3.3).
enum FastCGIRecord {
    /// Length of a record's header.
    static let headerLength = 8
    /// The longest content whose record needs no padding to end on a multiple of eight.
    static let longestContent = 65_528

    /// The types of records that matter here.
    enum Kind: UInt8, Sendable {
        case beginRequest = 1
        case abortRequest = 2
        case endRequest = 3
        case parameters = 4
        case input = 5
        case output = 6
        case errors = 7
        case data = 8
        case getValues = 9
        case getValuesResult = 10
        case unknownType = 11
    }

    /// A record's header, as a word whose bytes in memory it is; no padding.
    @inline(__always)
    static func header(_ kind: Kind, request: UInt16, length: Int) -> UInt64 {
        (1 << 56 | UInt64(kind.rawValue) << 48 | UInt64(request) << 32 | UInt64(UInt16(length)) << 16).bigEndian
    }

    /// The end of a request with its protocol status.
    static func end(of request: UInt16, status: ProtocolStatus, applicationStatus: UInt32 = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(.endRequest, request: request, length: 8, to: &bytes)
        for shift in [24, 16, 8, 0] as [UInt32] {
            bytes.append(UInt8(truncatingIfNeeded: applicationStatus >> shift))
        }
        bytes.append(contentsOf: [status.rawValue, 0, 0, 0])
        return bytes
    }

    /// The end of a response after which nobody will use the connection again.
    ///
    /// nginx keeps a connection only if the end of the request is the last it has read (`ngx_http_fastcgi_module.c`, the input filter), so
    /// the empty record behind the end lets us close without a request being on its way.
    static func finalEnd(of request: UInt16, applicationStatus: UInt32 = 0) -> [UInt8] {
        let end = Self.end(of: request, applicationStatus: applicationStatus)
        var bytes: [UInt8] = []
        for index in end.indices { Self.append(end[index], to: &bytes) }
        return bytes
    }

    /// The end of a response, as words whose bytes in memory it is: the end of its output, the end of the request in two words, and an empty
    /// record that belongs to the end only if it is final.
    @inline(__always)
    static func end(of request: UInt16, applicationStatus: UInt32) -> InlineArray<4, UInt64> {
        let empty = Self.header(.output, request: request, length: 0)
        return [empty, Self.header(.endRequest, request: request, length: 8), (UInt64(applicationStatus) << 32).bigEndian, empty]
    }

    /// A whole response that fits into one record, and after which the connection is given up.
    static func answer(_ content: [UInt8], to request: UInt16) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(.output, request: request, length: content.count, to: &bytes)
        return bytes + content + Self.finalEnd(of: request)
    }

    /// Appends a record's header; no padding.
    static func append(_ kind: Kind, request: UInt16, length: Int, to bytes: inout [UInt8]) {
        Self.append(Self.header(kind, request: request, length: length), to: &bytes)
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in [56, 48, 40, 32, 24, 16, 8, 0] as [UInt64] {
            bytes.append(UInt8(truncatingIfNeeded: word.bigEndian >> shift))
        }
    }
}

/// The fixed part of a record, and where the record ends.
struct RecordHeader {
    let version: UInt8
    let kind: UInt8
    let request: UInt16
    let length: Int
    let content: Int
    let end: Int

    init?(at position: Int, of bytes: RawSpan) {
        guard bytes.byteCount - position >= FastCGIRecord.headerLength else { return nil }
        self.version = bytes.byte(at: position)
        self.kind = bytes.byte(at: position + 1)
        self.request = bytes.bigEndian(at: position + 2)
        self.length = Int(bytes.bigEndian(at: position + 4))
        self.content = position + FastCGIRecord.headerLength
        self.end = self.content + self.length + Int(bytes.byte(at: position + 6))
    }
}

/// How a request ended, as far as the protocol is concerned (FastCGI specification 1.0, section 5.5).
enum ProtocolStatus: UInt8, Sendable {
    /// The normal end.
    case requestComplete = 0
    /// A second request on a connection that serves one at a time.
    case cannotMultiplex = 1
    /// Too many requests.
    case overloaded = 2
    /// A role this application does not have.
    case unknownRole = 3
}

/// The part that the web server asks the application to play (FastCGI specification 1.0, section 6).
package enum RequestRole: UInt16, Sendable, Hashable {
    /// Answers a request; reads its body.
    case responder = 1
    /// Says whether a request is allowed; gets no body.
    case authorizer = 2
    /// Answers a request from a file's data that follows the body.
    case filter = 3
}

extension RawSpan {
    /// One byte, bounds checked.
    func byte(at offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < self.byteCount)
        return unsafe self.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// The 16-bit number at `offset`, its high byte first.
    func bigEndian(at offset: Int) -> UInt16 {
        UInt16(self.byte(at: offset)) << 8 | UInt16(self.byte(at: offset + 1))
    }
}
