/// What the bytes before a request's body say, seen before libfcgi reads them.
struct RequestHead: Sendable, Hashable {
    /// The number the web server gave the request.
    var identifier: UInt16 = 0
    /// The role asked for.
    var role = RequestRole.responder
    /// Whether the web server wants to use the connection again.
    var keepsConnection = false
    /// Whether more than this request is already there: libfcgi would read into it and lose it.
    var isPipelined = false
    /// Whether a parameter cannot be told apart from another one once it is a C string: a zero byte, an equals sign in a name, no name.
    var hasAmbiguousParameters = false
}

/// The verdict on the bytes at the start of a request.
enum RequestHeadInspection: Sendable, Hashable {
    /// The head is whole; libfcgi can take it without waiting.
    case complete(RequestHead)
    /// More bytes are needed to tell.
    case incomplete
    /// A management record stands in front: this many bytes ask for the application's limits.
    case getValues(length: Int)
    /// The role is none that exists; the specification has an answer to that.
    case unknownRole(request: UInt16)
    /// These bytes are not the start of a request that will be served.
    case refused(RequestHeadRefusal)
}

/// Why the start of a request is not let through to libfcgi.
enum RequestHeadRefusal: String, Sendable, Hashable {
    /// Not version 1 of FastCGI, or records in an order that makes no request: what unread leftovers of a body look like.
    case notARequest
    /// More parameters, or more bytes of them, than allowed.
    case tooManyParameters
    /// Lengths that point beyond the end of the parameters.
    case brokenParameters
}

/// Looks at the bytes at the start of a request without taking them.
///
/// libfcgi blocks until a head is whole, has no limits, aborts the process on absurd lengths, and takes any bytes for records. So a
/// head reaches it only after this has seen all of it. Pure; an incomplete head is looked at again from its start when more has come.
struct RequestHeadInspector: Sendable {
    /// Bytes of names and values together.
    var maximumParameterBytes: Int
    /// Number of parameters.
    var maximumParameters: Int

    /// Bytes that always show more than an allowed head: the content, length prefixes, a header and padding for each record of usual size.
    var longestHead: Int { self.maximumParameterBytes + self.maximumParameters * 8 + 4096 }

    /// Judges the bytes received so far.
    func inspect(_ bytes: RawSpan) -> RequestHeadInspection {
        guard let first = RecordHeader(at: 0, of: bytes) else {
            return bytes.byteCount > 0 && bytes.byte(at: 0) != 1 ? .refused(.notARequest) : .incomplete
        }
        guard first.version == 1 else { return .refused(.notARequest) }
        if first.kind == FastCGIRecord.Kind.getValues.rawValue, first.request == 0 {
            return first.end > 1024 ? .refused(.notARequest) : bytes.byteCount < first.end ? .incomplete : .getValues(length: first.end)
        }
        guard first.kind == FastCGIRecord.Kind.beginRequest.rawValue, first.request != 0, first.length == 8 else {
            return .refused(.notARequest)
        }
        guard bytes.byteCount >= first.end else { return .incomplete }
        let role = UInt16(bytes.byte(at: 8)) << 8 | UInt16(bytes.byte(at: 9))
        guard let role = RequestRole(rawValue: role) else { return .unknownRole(request: first.request) }
        var head = RequestHead(identifier: first.request, role: role, keepsConnection: bytes.byte(at: 10) & 1 == 1)

        var parameters = ParameterScanner(maximumBytes: self.maximumParameterBytes, maximumCount: self.maximumParameters)
        var position = first.end
        while let record = RecordHeader(at: position, of: bytes) {
            guard record.version == 1, record.kind == FastCGIRecord.Kind.parameters.rawValue, record.request == first.request else {
                return .refused(.notARequest)
            }
            if record.length == 0 {
                guard parameters.isBetweenParameters else { return .refused(.brokenParameters) }
                guard bytes.byteCount >= record.end else { return .incomplete }
                head.hasAmbiguousParameters = parameters.hasAmbiguity
                head.isPipelined = Self.hasMore(after: record.end, than: first.request, role, bytes)
                return .complete(head)
            }
            let available = min(record.content + record.length, bytes.byteCount)
            if let refusal = parameters.scan(bytes, record.content..<available) { return .refused(refusal) }
            position = record.end
        }
        return bytes.byteCount >= self.longestHead ? .refused(.tooManyParameters) : .incomplete
    }

    /// Whether the bytes after the head go on after the end of this request's input.
    private static func hasMore(after start: Int, than request: UInt16, _ role: RequestRole, _ bytes: RawSpan) -> Bool {
        var position = start
        var streams = role == .authorizer ? 0 : role == .filter ? 2 : 1
        while streams > 0 {
            guard let record = RecordHeader(at: position, of: bytes) else { return false }
            if record.length == 0 { streams -= 1 }
            position = record.end
        }
        return bytes.byteCount > position
    }
}

/// The fixed part of a record, and where the record ends.
private struct RecordHeader {
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
        self.request = UInt16(bytes.byte(at: position + 2)) << 8 | UInt16(bytes.byte(at: position + 3))
        self.length = Int(bytes.byte(at: position + 4)) << 8 | Int(bytes.byte(at: position + 5))
        self.content = position + FastCGIRecord.headerLength
        self.end = self.content + self.length + Int(bytes.byte(at: position + 6))
    }
}
