/// Finds the cookies in the bytes of a `Cookie` field, as a browser wrote them (RFC 6265bis, section 5.8.3).
///
/// Pieces end at semicolons; only SP and HTAB around names and values are trimmed; names and values are taken as they are, with quotes,
/// percent signs and all. A piece without equals sign or name, or with a control byte, is nothing.
enum CookieParser {
    /// Where a cookie lies in the bytes.
    struct Piece: Sendable, Equatable {
        let name: Range<Int>
        let value: Range<Int>
    }

    /// The longest field that is looked at, in bytes.
    static let maximumLength = 16_384
    /// The most cookies that are looked at.
    static let maximumCount = 200

    /// The cookies in their order, repeated names included; `nil` when the field is over a limit.
    static func parse(_ bytes: Span<UInt8>) -> [Piece]? {
        var pieces: [Piece] = []
        pieces.reserveCapacity(8)
        return self.forEach(in: bytes) { pieces.append($0) } ? pieces : nil
    }

    /// Gives the cookies in their order, repeated names included.
    ///
    /// - Returns: `false` when the field is over a limit; what was given then does not count.
    @inline(__always)
    static func forEach(in bytes: Span<UInt8>, _ body: (Piece) -> Void) -> Bool {
        guard bytes.count <= self.maximumLength else { return false }
        var count = 0
        var start = 0
        while start < bytes.count {
            var end = start
            var equals = -1
            var hasControl = false
            while end < bytes.count {
                if end &+ 8 <= bytes.count {
                    // Eight bytes at a time, up to the first that is more than a part of a name or value.
                    let marks = self.marks(in: bytes, end)
                    end &+= marks.trailingZeroBitCount &>> 3
                    if marks == 0 { continue }
                }
                let byte = bytes[end]
                if byte == 0x3B { break }
                if byte == 0x3D, equals < 0 { equals = end }
                if byte < 0x20 && byte != 0x09 || byte == 0x7F { hasControl = true }
                end &+= 1
            }
            if equals >= 0, !hasControl {
                let name = self.trimmed(bytes, start, equals)
                if !name.isEmpty {
                    guard count < self.maximumCount else { return false }
                    count &+= 1
                    body(Piece(name: name, value: self.trimmed(bytes, equals &+ 1, end)))
                }
            }
            start = end &+ 1
        }
        return true
    }

    /// High bits set where one of eight bytes is a semicolon, an equals sign or a control byte; the first byte in the lowest ones.
    @inline(__always)
    private static func marks(in bytes: Span<UInt8>, _ offset: Int) -> UInt64 {
        let word = unsafe UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        return word.hasByteBelow(0x20) | word.hasByte(0x7F) | word.hasByte(0x3B) | word.hasByte(0x3D)
    }

    private static func trimmed(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Range<Int> {
        var first = start
        var last = end
        while first < last, bytes[first] == 0x20 || bytes[first] == 0x09 { first &+= 1 }
        while last > first, bytes[last &- 1] == 0x20 || bytes[last &- 1] == 0x09 { last &-= 1 }
        return first..<last
    }
}

extension Request {
    /// Lends the cookies where they lie, in the order of the field, repeated names included; makes no list of them.
    ///
    /// - Returns: `false` when the field is over a limit; what was given then does not count, as ``cookies`` is empty.
    package func forEachCookie(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) -> Bool {
        var isWhole = true
        self.head.parameters.lend("HTTP_COOKIE") { field in
            guard let field else { return }
            unsafe field.withUnsafeBytes { bytes in
                let all = unsafe UnsafeBufferPointer(start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
                isWhole = unsafe CookieParser.forEach(in: all.span) { piece in
                    body(field.extracting(piece.name), field.extracting(piece.value))
                }
            }
        }
        return isWhole
    }
}
