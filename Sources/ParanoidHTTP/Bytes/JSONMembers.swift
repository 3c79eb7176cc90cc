/// The names of members in JSON, found without parsing it.
package enum JSONMembers {
    /// Whether an object has two members of one name: decoders differ in which of them counts (RFC 8259, section 4).
    ///
    /// What is no JSON is left to the decoder.
    ///
    /// - Parameter unescaped: The bytes of a name in quotes that has escapes; `nil` when they mean nothing.
    package static func isAnyDoubled(in bytes: Span<UInt8>, unescaped: (_ quoted: [UInt8]) -> [UInt8]?) -> Bool {
        // The names of each object that is open; `nil` for an array.
        var open: [Set<[UInt8]>?] = []
        var isName = false
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                let start = offset
                while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") { offset += bytes[offset] == UInt8(ascii: "\\") ? 2 : 1 }
                if isName, offset < bytes.count, let name = Self.name(bytes.extracting(start..<offset), unescaped),
                    open[open.count - 1]?.insert(name).inserted == false
                {
                    return true
                }
                isName = false
                offset += 1
            case UInt8(ascii: "{"):
                open.append([])
                isName = true
            case UInt8(ascii: "["):
                open.append(nil)
                isName = false
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = open.popLast()
                isName = false
            case UInt8(ascii: ","): isName = open.last.map { $0 != nil } ?? false
            default: break
            }
        }
        return false
    }

    private static func name(_ text: Span<UInt8>, _ unescaped: ([UInt8]) -> [UInt8]?) -> [UInt8]? {
        var name: [UInt8] = []
        name.reserveCapacity(text.count)
        for index in text.indices { name.append(text[index]) }
        guard name.contains(UInt8(ascii: "\\")) else { return name }
        return unescaped([UInt8(ascii: "\"")] + name + [UInt8(ascii: "\"")])
    }
}
