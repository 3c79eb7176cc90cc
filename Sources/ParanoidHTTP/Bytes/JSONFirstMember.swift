/// The first member of a JSON object, found without reading the rest.
package enum JSONFirstMember {
    /// The bytes of a text that is the first member of the outermost object and has this name; `nil` when it is not, when it has escapes, and while
    /// its last quote is missing.
    package static func text(named name: String, in bytes: [UInt8]) -> [UInt8]? {
        var offset = 0
        func skipSpace() {
            while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
        }
        func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == byte else { return false }
            offset += 1
            return true
        }
        func text() -> ArraySlice<UInt8>? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = offset
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
                guard bytes[offset] != UInt8(ascii: "\\"), bytes[offset] >= 0x20 else { return nil }
                offset += 1
            }
            guard offset < bytes.count else { return nil }
            offset += 1
            return bytes[start..<(offset - 1)]
        }
        guard take(UInt8(ascii: "{")), let key = text(), key.elementsEqual(name.utf8), take(UInt8(ascii: ":")), let value = text() else {
            return nil
        }
        return Array(value)
    }
}
