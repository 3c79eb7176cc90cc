extension RawSpan {
    /// The byte at `offset`, which must lie within the span.
    @inlinable @inline(__always)
    package func byte(at offset: Int) -> UInt8 {
        unsafe self.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Whether the bytes are those of `text`.
    ///
    /// It has a label because a literal would be a `String` without one, and that is compared byte by byte.
    @inline(__always)
    func equals(literal text: StaticString) -> Bool {
        self.byteCount == text.utf8CodeUnitCount && self.begins(with: text)
    }

    /// Whether the bytes begin with those of `text`, of which there are at least as many here.
    ///
    /// Compares up to eight bytes at a time; the last ones overlap those before.
    @inline(__always)
    private func begins(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        let start = unsafe UnsafeRawPointer(text.utf8Start)
        if count >= 8 {
            var offset = 0
            while offset < count &- 8 {
                guard unsafe self.isSame(UInt64.self, start, offset) else { return false }
                offset &+= 8
            }
            return unsafe self.isSame(UInt64.self, start, count &- 8)
        }
        if count >= 4 { return unsafe self.isSame(UInt32.self, start, 0) && self.isSame(UInt32.self, start, count &- 4) }
        for offset in 0..<count where unsafe !self.isSame(UInt8.self, start, offset) { return false }
        return true
    }

    @inline(__always)
    private func isSame<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type, _ start: UnsafeRawPointer, _ offset: Int) -> Bool {
        unsafe self.unsafeLoadUnaligned(fromByteOffset: offset, as: Word.self) == start.loadUnaligned(fromByteOffset: offset, as: Word.self)
    }

    /// Whether the bytes are those of `text`; no two spellings of a character are the same here.
    package func equals(_ text: String) -> Bool {
        let bytes = unsafe text.utf8.span.bytes
        let count = bytes.byteCount
        guard self.byteCount == count else { return false }
        var offset = 0
        while offset &+ 8 <= count {
            let word = unsafe self.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard unsafe word == bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
            offset &+= 8
        }
        while offset < count {
            guard bytes.byte(at: offset) == self.byte(at: offset) else { return false }
            offset &+= 1
        }
        return true
    }

    /// Whether the bytes begin with those of `text`.
    @inline(__always)
    func starts(with text: StaticString) -> Bool {
        self.byteCount >= text.utf8CodeUnitCount && self.begins(with: text)
    }

    /// Whether any byte is below 0x20 or 0x7F.
    func containsControl() -> Bool {
        self.containsWord { $0.hasByteBelow(0x20) | $0.hasByte(0x7F) }
    }

    /// Whether any byte is zero.
    func containsZero() -> Bool {
        self.containsWord { $0.hasByteBelow(1) }
    }

    /// Whether any byte is not ASCII.
    func containsNonASCII() -> Bool {
        self.containsWord { $0 & 0x8080_8080_8080_8080 }
    }

    /// Whether any byte cannot be part of a parameter's name: not printable ASCII, or an equals sign.
    func containsNonNameByte() -> Bool {
        self.containsWord {
            $0 & 0x8080_8080_8080_8080 | $0.hasByteBelow(0x21) | $0.hasByte(0x7F) | $0.hasByte(UInt8(ascii: "="))
        }
    }

    /// Looks at eight bytes at a time; the last eight overlap what was seen before, and a shorter span fills a word more than once.
    @inline(__always)
    private func containsWord(_ word: (UInt64) -> UInt64) -> Bool {
        guard self.byteCount >= 8 else { return self.byteCount > 0 && word(self.shortWord()) != 0 }
        var offset = 0
        while offset < self.byteCount &- 8 {
            if unsafe word(self.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)) != 0 { return true }
            offset &+= 8
        }
        return unsafe word(self.unsafeLoadUnaligned(fromByteOffset: self.byteCount &- 8, as: UInt64.self)) != 0
    }

    /// A word of all bytes of a span of 1 to 7, some of them more than once.
    @inline(__always)
    private func shortWord() -> UInt64 {
        let count = self.byteCount
        if count >= 4 {
            let first = unsafe self.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
            return unsafe UInt64(first) << 32 | UInt64(self.unsafeLoadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
        }
        let others = UInt64(self.byte(at: count / 2)) << 8 | UInt64(self.byte(at: count &- 1))
        return UInt64(self.byte(at: 0)) &* 0x0101_0101_0101_0000 | others
    }

    /// The same as ``containsControl()``, with HTAB allowed (RFC 9110, section 5.5).
    func containsControlOtherThanTab() -> Bool {
        guard self.containsControl() else { return false }
        for offset in 0..<self.byteCount {
            let byte = self.byte(at: offset)
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return true }
        }
        return false
    }

    /// The bytes as text, `nil` unless they are valid UTF-8.
    func text() -> String? {
        // The validating initialiser is generic and slow; ASCII needs no validation.
        self.containsNonASCII() ? self.validatedText() : self.repairedText()
    }

    private func validatedText() -> String? {
        unsafe self.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }

    /// The bytes as text, with U+FFFD for what is not UTF-8.
    func repairedText() -> String {
        unsafe self.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes in an array of their own.
    func copied() -> [UInt8] {
        unsafe self.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// The offset of the first `byte`.
    func offset(of byte: UInt8) -> Int? {
        for offset in 0..<self.byteCount where self.byte(at: offset) == byte { return offset }
        return nil
    }
}

extension UInt64 {
    /// High bits set where the word has a byte below `limit`, at most 0x80; no byte carries into the next.
    @inline(__always)
    func hasByteBelow(_ limit: UInt8) -> UInt64 {
        let highs: UInt64 = 0x8080_8080_8080_8080
        return ~(((self & ~highs) &+ (UInt64(0x80 &- limit) &* 0x0101_0101_0101_0101)) | self) & highs
    }

    /// High bits set where the word has this byte.
    @inline(__always)
    func hasByte(_ byte: UInt8) -> UInt64 {
        (self ^ (UInt64(byte) &* 0x0101_0101_0101_0101)).hasByteBelow(1)
    }
}

extension String {
    /// Whether any byte of the UTF-8 form is below 0x20 or 0x7F.
    func containsControl() -> Bool {
        unsafe self.utf8.span.bytes.containsControl()
    }

    /// The same as ``containsControl()``, with HTAB allowed.
    func containsControlOtherThanTab() -> Bool {
        unsafe self.utf8.span.bytes.containsControlOtherThanTab()
    }
}

extension UInt8 {
    /// Whether the byte may be part of a token (RFC 9110, section 5.6.2).
    var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"): true
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"): true
        case UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"): true
        default: false
        }
    }

    /// Whether the byte is a control byte that no header field value may hold (RFC 9110, section 5.5).
    var isFieldControl: Bool {
        self < 0x20 && self != 0x09 || self == 0x7F
    }
}
