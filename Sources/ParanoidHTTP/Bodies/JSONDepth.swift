/// How deeply JSON is nested, found without parsing it: a decoder that recurses must not be given a million brackets.
enum JSONDepth {
    /// Whether arrays and objects are nested at most `limit` deep.
    ///
    /// Says nothing about whether it is JSON.
    static func isWithin(_ limit: Int, _ bytes: Span<UInt8>) -> Bool {
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
}
