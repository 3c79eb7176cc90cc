/// Reads `multipart/form-data` from bytes that come in pieces of any size (RFC 7578; boundaries as in RFC 2046, section 5.1.1).
///
/// Pure.
///
/// Give it bytes with ``append(_:)`` and take events with ``next()`` until there is none. It keeps no more than one piece, a head or a
/// delimiter that is cut. What two readers could take for different things is an error: a bare CR or LF in a head, a line that begins with
/// the boundary and goes on, a part without a name or with two.
package struct MultipartParser: Sendable {
    /// What comes next in the form.
    package enum Event: Sendable, Hashable {
        /// A part begins.
        case part(MultipartHead)
        /// Bytes of the part, at least one.
        case content([UInt8])
        /// The part is complete.
        case partEnd
        /// The form is complete; what follows is nothing.
        case end
    }

    /// The most bytes of the header fields of a part.
    static let longestHead = 8_192
    private static let longestPadding = 64

    private enum Place: Sendable {
        /// Before the first delimiter.
        case preamble
        /// At a delimiter that ends a part, which the reader has heard.
        case delimiter
        case head
        /// At the empty line behind a head: its CRLF belongs to a delimiter that follows at once.
        case emptyLine
        case content
        /// Behind the last delimiter; the bytes there were looked at if they are the rest of its line.
        case epilogue(isBehindLine: Bool)
    }

    private enum Search {
        case found(Int)
        /// The bytes from here may begin a delimiter.
        case cut(Int)
    }

    private let delimiter: [UInt8]
    private let maximumParts: Int
    // The first delimiter may stand at the very beginning, without the line end that belongs to it.
    private var buffer: [UInt8] = [0x0D, 0x0A]
    private var position = 0
    private var place = Place.preamble
    private var parts = 0
    /// How many bytes of a cut head were looked at, so that a head that comes byte by byte is not read anew each time.
    private var seenOfHead = 0
    private var isComplete = false

    /// Begins a form.
    ///
    /// - Parameters:
    ///   - boundary: The boundary that the content type names.
    ///   - maximumParts: The most parts of the form.
    package init(boundary: [UInt8], maximumParts: Int) {
        self.delimiter = [0x0D, 0x0A, 0x2D, 0x2D] + boundary
        self.maximumParts = maximumParts
    }

    /// Adds the next bytes of the body.
    package mutating func append(_ bytes: [UInt8]) {
        if self.position == self.buffer.count {
            self.buffer = bytes
        } else {
            self.buffer.removeFirst(self.position)
            self.buffer += bytes
        }
        self.position = 0
    }

    /// Notes that no more bytes come.
    ///
    /// - Throws: ``MultipartError/incomplete`` before the last delimiter.
    package mutating func finish() throws(MultipartError) {
        guard case .epilogue = self.place else { throw .incomplete }
    }

    /// The next event; `nil`: more bytes are needed, or the form is over.
    package mutating func next() throws(MultipartError) -> Event? {
        while true {
            switch self.place {
            case .preamble:
                guard case .found(let start) = self.search() else { return self.skip() }
                self.position = start
                self.place = .delimiter
            case .delimiter:
                guard let isLast = try self.passDelimiter() else { return nil }
                guard !isLast else {
                    self.place = .epilogue(isBehindLine: false)
                    return .end
                }
                self.parts += 1
                guard self.parts <= self.maximumParts else { throw .tooManyParts }
                self.place = .head
            case .head:
                guard let head = try self.passHead() else { return nil }
                self.place = .emptyLine
                return .part(head)
            case .emptyLine:
                switch self.match(at: self.position) {
                case nil: return nil
                case true?:
                    self.place = .delimiter
                    return .partEnd
                case false?:
                    self.position += 2
                    self.place = .content
                }
            case .content:
                let end: Int
                switch self.search() {
                case .found(let start) where start == self.position:
                    self.place = .delimiter
                    return .partEnd
                case .found(let start): end = start
                case .cut(let start): end = start
                }
                guard end > self.position else { return nil }
                let content = Array(self.buffer[self.position..<end])
                self.position = end
                return .content(content)
            case .epilogue(let isBehindLine):
                if !isBehindLine, self.position < self.buffer.count {
                    let byte = self.buffer[self.position]
                    guard byte == 0x0D || byte == 0x20 || byte == 0x09 else { throw .malformed }
                    self.place = .epilogue(isBehindLine: true)
                }
                self.position = self.buffer.count
                return nil
            }
        }
    }

    // MARK: Steps

    /// Forgets a preamble but for what may begin a delimiter.
    private mutating func skip() -> Event? {
        if case .cut(let start) = self.search() { self.position = start }
        return nil
    }

    /// Looks for a delimiter.
    private func search() -> Search {
        let bytes = self.buffer.span
        var offset = self.position
        while offset < bytes.count {
            if bytes[offset] == 0x0D {
                switch self.match(at: offset) {
                case true?: return .found(offset)
                case nil: return .cut(offset)
                case false?: break
                }
            }
            offset &+= 1
        }
        return .cut(offset)
    }

    /// Whether a delimiter stands at an offset; `nil`: the bytes end within it.
    private func match(at offset: Int) -> Bool? {
        let count = min(self.delimiter.count, self.buffer.count - offset)
        for index in 0..<count where self.buffer[offset + index] != self.delimiter[index] { return false }
        return count == self.delimiter.count ? true : nil
    }

    /// Goes behind the delimiter at the position.
    ///
    /// - Returns: Whether it is the last one; `nil`: its line is cut.
    private mutating func passDelimiter() throws(MultipartError) -> Bool? {
        var offset = self.position + self.delimiter.count
        guard offset < self.buffer.count else { return nil }
        if self.buffer[offset] == 0x2D {
            guard offset + 1 < self.buffer.count else { return nil }
            guard self.buffer[offset + 1] == 0x2D else { throw .malformed }
            self.position = offset + 2
            return true
        }
        let start = offset
        while offset < self.buffer.count, self.buffer[offset] == 0x20 || self.buffer[offset] == 0x09 { offset += 1 }
        guard offset - start <= Self.longestPadding else { throw .malformed }
        guard offset < self.buffer.count else { return nil }
        guard self.buffer[offset] == 0x0D else { throw .malformed }
        guard offset + 1 < self.buffer.count else { return nil }
        guard self.buffer[offset + 1] == 0x0A else { throw .malformed }
        self.position = offset + 2
        return false
    }

    /// Reads the head at the position and goes to the empty line behind it.
    private mutating func passHead() throws(MultipartError) -> MultipartHead? {
        var offset = self.position + self.seenOfHead
        while true {
            guard offset + 3 < self.buffer.count else {
                guard self.buffer.count - self.position <= Self.longestHead else { throw .malformed }
                self.seenOfHead = offset - self.position
                return nil
            }
            if self.buffer[offset] == 0x0D, self.buffer[offset + 1] == 0x0A, self.buffer[offset + 2] == 0x0D,
                self.buffer[offset + 3] == 0x0A
            {
                break
            }
            offset += 1
        }
        guard offset - self.position <= Self.longestHead else { throw .malformed }
        let head = try MultipartHead(Array(self.buffer[self.position..<offset]))
        self.position = offset + 2
        self.seenOfHead = 0
        return head
    }
}

/// Why bytes are not a form of this kind.
package enum MultipartError: String, Error, Sendable, Hashable {
    case malformed = "the multipart form is malformed"
    case incomplete = "the multipart form ends before its last boundary"
    case tooManyParts = "the multipart form has too many parts"
    case fieldTooLarge = "a field of the multipart form is too large"
    case fileTooLarge = "a file of the multipart form is too large"
}
