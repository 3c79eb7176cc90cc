/// The header fields of a part that a form needs (RFC 7578, section 4).
///
/// Pure.
package struct MultipartHead: Sendable, Hashable {
    /// The name of the field: UTF-8 without control bytes.
    package let name: String
    /// The name of the file as the client calls it, cleaned; `nil` for a field that is no file.
    package let fileName: String?
    /// Whether the client says that the part is a file, even one without a name.
    package let isFile: Bool
    /// The media type in the client's words; `nil` when it says nothing.
    package let contentType: String?

    /// Reads header fields.
    ///
    /// - Parameter bytes: Lines with CRLF between them, without the empty line.
    init(_ bytes: [UInt8]) throws(MultipartError) {
        var disposition: [UInt8]?
        var type: [UInt8]?
        for line in try Self.lines(of: bytes) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy({ $0.isTokenByte })
            else { throw .malformed }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = Self.trimmed(line[(colon + 1)...])
            switch name {
            case "content-disposition":
                guard disposition == nil else { throw .malformed }
                disposition = value
            case "content-type":
                guard type == nil else { throw .malformed }
                type = value
            case "content-transfer-encoding":
                // RFC 7578, section 4.7: nobody sends another one, and nobody would decode it.
                guard ["7bit", "8bit", "binary"].contains(String(decoding: value, as: UTF8.self).lowercased()) else { throw .malformed }
            default: break
            }
        }
        guard let disposition, let found = FieldParameters(disposition, escapes: .quotesOnly), found.value == Array("form-data".utf8) else {
            throw .malformed
        }
        guard let name = found.first("name").flatMap({ String(validating: $0, as: UTF8.self) }), !name.isEmpty,
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { throw .malformed }
        self.name = name
        // Browsers send `filename` alone, and it counts. Some programs send `filename*` in its place where a name is not ASCII, against RFC 7578,
        // section 4.2: what they send is a file too, and no field.
        let extended = found.first("filename*")
        let fileName = found.first("filename") ?? extended.flatMap { FileName.decoded($0) }
        self.isFile = fileName != nil || extended != nil
        self.fileName = fileName.flatMap { FileName.cleaned($0) }
        self.contentType = type.flatMap { $0.allSatisfy { 0x20...0x7E ~= $0 } ? String(decoding: $0, as: UTF8.self) : nil }
    }

    private static func lines(of bytes: [UInt8]) throws(MultipartError) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x0D {
                guard offset + 1 < bytes.count, bytes[offset + 1] == 0x0A else { throw .malformed }
                lines.append(bytes[start..<offset])
                offset += 2
                start = offset
                // A line that goes on in the next one is obsolete, and not every reader knows it.
                guard offset < bytes.count, bytes[offset] != 0x20, bytes[offset] != 0x09 else { throw .malformed }
                continue
            }
            guard byte != 0x0A, byte != 0 else { throw .malformed }
            offset += 1
        }
        lines.append(bytes[start...])
        return lines
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return Array(bytes)
    }
}

/// A field value with parameters, such as `form-data; name="a"` (RFC 9110, section 5.6.6).
///
/// Pure.
struct FieldParameters: Sendable, Hashable {
    /// What a backslash in a quoted text does.
    enum Escapes: Sendable {
        /// It takes the next byte as it is.
        case all
        /// It does so with a quote and a backslash only: some browsers sent paths with backslashes as file names.
        case quotesOnly
    }

    /// What stands before the parameters, in lower case.
    let value: [UInt8]
    private var parameters: [(name: String, value: [UInt8])] = []

    static func == (lhs: FieldParameters, rhs: FieldParameters) -> Bool {
        lhs.value == rhs.value && lhs.parameters.elementsEqual(rhs.parameters) { $0.name == $1.name && $0.value == $1.value }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(self.value) }

    /// Reads a value; `nil` when it is malformed or names a parameter twice.
    init?(_ bytes: [UInt8], escapes: Escapes) {
        var offset = 0
        func skipSpace() { while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 { offset += 1 } }
        func token() -> ArraySlice<UInt8> {
            let start = offset
            while offset < bytes.count, bytes[offset].isTokenByte || bytes[offset] == UInt8(ascii: "/") { offset += 1 }
            return bytes[start..<offset]
        }
        let value = token()
        guard !value.isEmpty else { return nil }
        self.value = value.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        while true {
            skipSpace()
            guard offset < bytes.count else { return }
            guard bytes[offset] == UInt8(ascii: ";") else { return nil }
            offset += 1
            skipSpace()
            guard offset < bytes.count else { return }
            let name = String(decoding: token(), as: UTF8.self).lowercased()
            guard !name.isEmpty, !self.parameters.contains(where: { $0.name == name }) else { return nil }
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "=") else { return nil }
            offset += 1
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
                let value = token()
                guard !value.isEmpty else { return nil }
                self.parameters.append((name, Array(value)))
                continue
            }
            offset += 1
            guard let text = Self.quoted(bytes, &offset, escapes) else { return nil }
            self.parameters.append((name, text))
        }
    }

    /// The value of a parameter; `nil` when it is not there.
    func first(_ name: String) -> [UInt8]? { self.parameters.first { $0.name == name }?.value }

    private static func quoted(_ bytes: [UInt8], _ offset: inout Int, _ escapes: Escapes) -> [UInt8]? {
        var text: [UInt8] = []
        while offset < bytes.count {
            var byte = bytes[offset]
            offset += 1
            if byte == UInt8(ascii: "\"") { return text }
            if byte == UInt8(ascii: "\\"), offset < bytes.count {
                let next = bytes[offset]
                if escapes == .all || next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") {
                    byte = next
                    offset += 1
                }
            }
            text.append(byte)
        }
        return nil
    }
}

/// Names of files that clients send.
///
/// Pure.
enum FileName {
    /// The most bytes that are kept.
    static let longest = 200

    /// The bytes that an extended value stands for (RFC 8187, section 3.2); `nil` for another character set than UTF-8 and for what is none.
    static func decoded(_ value: [UInt8]) -> [UInt8]? {
        let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, String(decoding: parts[0], as: UTF8.self).lowercased() == "utf-8" else { return nil }
        return PercentEncoding.decode(Array(parts[2]).span)
    }

    /// What is safe to show and to offer for a download: the part behind the last slash or backslash, without control characters, without
    /// those that turn the direction of a text, and without dots at its beginning; `nil` when nothing is left or it is not UTF-8.
    ///
    /// It is still a text of the client: never use it as a path.
    static func cleaned(_ bytes: [UInt8]) -> String? {
        let last = bytes.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }.last ?? []
        guard let text = String(validating: last, as: UTF8.self) else { return nil }
        var cleaned = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x2028, 0x2029, 0xFEFF: continue
            case 0x2E where cleaned.isEmpty, 0x20 where cleaned.isEmpty: continue
            default: break
            }
            count += UTF8.width(scalar)
            guard count <= Self.longest else { break }
            cleaned.append(scalar)
        }
        while let last = cleaned.last, last == " " || last == "." { cleaned.removeLast() }
        return cleaned.isEmpty ? nil : String(cleaned)
    }
}
