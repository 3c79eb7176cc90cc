/// How deeply JSON in UTF-8 is nested, found without parsing it: a decoder that recurses must not be given a million brackets.
package enum JSONDepth {
    /// Whether the arrays and objects are nested at most `limit` deep.
    ///
    /// It counts what a decoder reads as UTF-8, and does not tell whether that is JSON. Check ``isUTF8(_:)`` first: in another encoding the
    /// bytes of brackets and quotes are different ones.
    package static func isWithin(_ limit: Int, _ bytes: Span<UInt8>) -> Bool {
        var depth = 0
        var isText = false
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if isText {
                if byte == UInt8(ascii: "\\") { offset += 1 } else if byte == UInt8(ascii: "\"") { isText = false }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > limit { return false }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return true
    }

    /// Whether a decoder takes the bytes for UTF-8, the only encoding of JSON between systems (RFC 8259, section 8.1).
    ///
    /// `JSONDecoder` recognises UTF-16 and UTF-32 by a byte order mark or by zeros among the first four bytes; neither occurs in UTF-8.
    package static func isUTF8(_ bytes: Span<UInt8>) -> Bool {
        for index in 0..<min(4, bytes.count) where bytes[index] == 0 || bytes[index] == 0xFE || bytes[index] == 0xFF { return false }
        return true
    }
}
