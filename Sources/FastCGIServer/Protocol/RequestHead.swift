/// The head of a request: all that comes before its body.
struct RequestHead: Sendable, Hashable {
    /// The number the web server gave the request.
    var identifier: UInt16 = 0
    /// The role asked for.
    var role = RequestRole.responder
    /// Whether the web server wants to use the connection again.
    var keepsConnection = false
    /// Where in the bytes its parts are.
    var layout = Layout()

    /// The places of the parts of a head.
    struct Layout: Sendable, Hashable {
        /// The content of the first record of parameters.
        var parameters = 0..<0
        /// Whether there is one such record only.
        var isContiguous = true
        /// Behind the last byte of the head.
        var end = 0
    }
}

/// The verdict on the bytes at the start of a request.
enum RequestHeadInspection: Sendable, Hashable {
    /// The head is whole.
    case complete(RequestHead)
    /// More bytes are needed to tell.
    case incomplete
    /// A management record of this many bytes stands in front; see ``ManagementRecords``.
    case management(length: Int)
    /// A record of this many bytes stands in front that gives a request up which is over already.
    case lateAbort(length: Int)
    /// The role is none that exists; the specification has a response to that.
    case unknownRole(request: UInt16)
    /// These bytes are not the start of a request that will be served.
    case refused(RequestHeadRefusal)
}

/// Why the start of a request is not served.
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
/// libfcgi blocks until a head is whole, has no limits, aborts the process on absurd lengths, and takes any bytes for records; so heads are
/// read here. Pure; an incomplete head is looked at again from its start when more has come.
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
        if first.request == 0, first.kind >= FastCGIRecord.Kind.getValues.rawValue {
            return Self.small(first, of: bytes, .management(length: first.end))
        }
        if first.kind == FastCGIRecord.Kind.abortRequest.rawValue, first.request != 0 {
            return Self.small(first, of: bytes, .lateAbort(length: first.end))
        }
        guard first.kind == FastCGIRecord.Kind.beginRequest.rawValue, first.request != 0, first.length == 8 else {
            return .refused(.notARequest)
        }
        guard bytes.byteCount >= first.end else { return .incomplete }
        let role = bytes.bigEndian(at: 8)
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
                head.layout.end = record.end
                return .complete(head)
            }
            if head.layout.parameters.isEmpty {
                head.layout.parameters = record.content..<(record.content + record.length)
            } else {
                head.layout.isContiguous = false
            }
            let available = min(record.content + record.length, bytes.byteCount)
            if let refusal = parameters.scan(bytes, record.content..<available) { return .refused(refusal) }
            position = record.end
        }
        return bytes.byteCount >= self.longestHead ? .refused(.tooManyParameters) : .incomplete
    }

    private static func small(_ record: RecordHeader, of bytes: RawSpan, _ verdict: RequestHeadInspection) -> RequestHeadInspection {
        guard record.end <= ManagementRecords.longest else { return .refused(.notARequest) }
        return bytes.byteCount < record.end ? .incomplete : verdict
    }
}
