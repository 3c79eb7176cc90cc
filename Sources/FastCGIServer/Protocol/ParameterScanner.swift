/// Walks over name-value pairs that may be cut anywhere by the borders of records (FastCGI specification 1.0, section 3.4).
struct ParameterScanner: Sendable {
    private enum Part: Sendable {
        case nameLength, valueLength, name, value
    }

    private let maximumBytes: Int
    private let maximumCount: Int
    private var part = Part.nameLength
    private var lengthBytesToCome = 0
    private var length = 0
    private var nameLength = 0
    private var contentToCome = 0
    private var valueLength = 0
    private var total = 0
    private var count = 0

    /// Starts before the first pair.
    init(maximumBytes: Int, maximumCount: Int) {
        self.maximumBytes = maximumBytes
        self.maximumCount = maximumCount
    }

    /// Whether what was seen so far ends with a whole pair.
    var isBetweenParameters: Bool { self.part == .nameLength && self.lengthBytesToCome == 0 }

    /// Goes on over the bytes of one record; the sums count what is announced, so nothing has to arrive in order to be refused.
    mutating func scan(_ bytes: RawSpan, _ range: Range<Int>) -> RequestHeadRefusal? {
        var position = range.lowerBound
        while position < range.upperBound {
            if self.isBetweenParameters {
                if let refusal = self.scanWholePairs(bytes, &position, range.upperBound) { return refusal }
                guard position < range.upperBound else { break }
            }
            switch self.part {
            case .nameLength, .valueLength:
                guard self.takeLengthByte(bytes.byte(at: position)) else {
                    position += 1
                    continue
                }
                position += 1
                if let refusal = self.lengthIsKnown() { return refusal }
            case .name, .value:
                let end = min(range.upperBound, position + self.contentToCome)
                self.contentToCome -= end - position
                position = end
            }
            self.skipEmptyContent()
        }
        return nil
    }

    /// Goes over the pairs that are there whole, which nearly all are, up to one that is not.
    private mutating func scanWholePairs(_ bytes: RawSpan, _ position: inout Int, _ end: Int) -> RequestHeadRefusal? {
        unsafe bytes.withUnsafeBytes { bytes in
            while let pair = unsafe ParameterPair(at: position, before: end, of: bytes) {
                self.total += pair.end - pair.name
                self.count += 1
                guard self.total <= self.maximumBytes, self.count <= self.maximumCount else { return .tooManyParameters }
                position = pair.end
            }
            return nil
        }
    }

    /// Whether the length is complete with this byte.
    private mutating func takeLengthByte(_ byte: UInt8) -> Bool {
        if self.lengthBytesToCome == 0 {
            guard byte >= 0x80 else {
                self.length = Int(byte)
                return true
            }
            self.length = Int(byte & 0x7F)
            self.lengthBytesToCome = 3
            return false
        }
        self.length = self.length << 8 | Int(byte)
        self.lengthBytesToCome -= 1
        return self.lengthBytesToCome == 0
    }

    private mutating func lengthIsKnown() -> RequestHeadRefusal? {
        self.total += self.length
        guard self.total <= self.maximumBytes else { return .tooManyParameters }
        if self.part == .nameLength {
            self.count += 1
            guard self.count <= self.maximumCount else { return .tooManyParameters }
            self.nameLength = self.length
            self.part = .valueLength
        } else {
            self.valueLength = self.length
            self.contentToCome = self.nameLength
            self.part = .name
        }
        return nil
    }

    private mutating func skipEmptyContent() {
        if self.part == .name, self.contentToCome == 0 {
            self.part = .value
            self.contentToCome = self.valueLength
        }
        if self.part == .value, self.contentToCome == 0 {
            self.part = .nameLength
        }
    }
}
