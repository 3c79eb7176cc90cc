/// Judges the records that follow the head of a request: its body and, for a filter, the data behind it.
///
/// The only reader there is: what it takes for content reaches the handler, and the next head begins where it sees the end. So no byte of a
/// body can be taken for a record by another reader (request smuggling). Pure; it remembers where in a record it is, so the bytes may be
/// cut anywhere.
struct RequestInput: Sendable, Hashable {
    /// One step over the bytes.
    enum Step: Sendable, Hashable {
        /// Bytes of the body.
        case content(Range<Int>)
        /// More bytes are needed to tell.
        case incomplete
        /// The end of the stream.
        case end
        /// The web server has given the request up.
        case aborted
        /// A whole record that concerns no request.
        case management(Range<Int>)
        /// Another request on a connection that serves one at a time.
        case secondRequest(UInt16)
        /// The next request, although this one's input has not ended; only after the response.
        case nextRequest
        /// The bytes are not FastCGI, or a record that may not follow here.
        case refused
    }

    private enum Outcome: Sendable, Hashable {
        case nothing, end, aborted, secondRequest(UInt16)
    }

    private enum Place: Sendable, Hashable {
        case betweenRecords
        case content(left: Int, padding: Int)
        case skipping(left: Int, then: Outcome)
    }

    private let request: UInt16
    private var kind = FastCGIRecord.Kind.input
    private var place = Place.betweenRecords
    /// The content that the headers seen so far have announced.
    private(set) var announced = 0

    /// Begins behind the head of a request.
    init(of request: UInt16) {
        self.request = request
    }

    /// Goes on to a filter's data, behind the end of the body.
    mutating func startData() {
        self.kind = .data
        self.place = .betweenRecords
    }

    /// Whether the next byte is the first of a record.
    var isBetweenRecords: Bool { self.place == .betweenRecords }

    /// Takes the next step over `bytes`.
    ///
    /// - Parameters:
    ///   - position: Where to go on; moved behind what needs not be seen again.
    ///   - isAnswered: Whether the request is over for us, so that the web server may go on to the next one.
    mutating func next(in bytes: RawSpan, at position: inout Int, isAnswered: Bool = false) -> Step {
        while true {
            switch self.place {
            case .content(let left, let padding):
                let count = min(left, bytes.byteCount - position)
                guard count > 0 else { return .incomplete }
                self.place = count < left ? .content(left: left - count, padding: padding) : .skipping(left: padding, then: .nothing)
                position += count
                return .content((position - count)..<position)
            case .skipping(let left, let outcome):
                let count = min(left, bytes.byteCount - position)
                position += count
                guard count == left else {
                    self.place = .skipping(left: left - count, then: outcome)
                    return .incomplete
                }
                self.place = .betweenRecords
                switch outcome {
                case .nothing: continue
                case .end: return .end
                case .aborted: return .aborted
                case .secondRequest(let request): return .secondRequest(request)
                }
            case .betweenRecords:
                if let step = self.begin(bytes, &position, isAnswered) { return step }
            }
        }
    }

    /// Judges the header at the position; `nil` if it tells where to go on.
    private mutating func begin(_ bytes: RawSpan, _ position: inout Int, _ isAnswered: Bool) -> Step? {
        guard let record = RecordHeader(at: position, of: bytes) else {
            return position < bytes.byteCount && bytes.byte(at: position) != 1 ? .refused : .incomplete
        }
        guard record.version == 1 else { return .refused }
        if record.request == 0 {
            let whole = position..<record.end
            guard whole.count <= ManagementRecords.longest else { return .refused }
            guard bytes.byteCount >= record.end else { return .incomplete }
            position = record.end
            return .management(whole)
        }
        let wholeLength = record.end - position
        switch FastCGIRecord.Kind(rawValue: record.kind) {
        case .beginRequest?:
            if isAnswered { return .nextRequest }
            guard record.request != self.request, record.length == 8 else { return .refused }
            self.place = .skipping(left: wholeLength, then: .secondRequest(record.request))
        case .abortRequest?:
            self.place = .skipping(left: wholeLength, then: record.request == self.request ? .aborted : .nothing)
        case self.kind? where record.request == self.request:
            self.announced += record.length
            position = record.content
            self.place =
                record.length == 0
                ? .skipping(left: record.end - record.content, then: .end)
                : .content(left: record.length, padding: record.end - record.content - record.length)
        case .parameters? where record.request != self.request, .input? where record.request != self.request,
            .data? where record.request != self.request:
            // Of a second request, which was refused.
            self.place = .skipping(left: wholeLength, then: .nothing)
        default: return .refused
        }
        return nil
    }
}
