/// A JSON value on its way out, with the members of objects in the order in which they are given (RFC 8259).
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(Int)
    case decimal(Double)
    case text(String)
    case list([JSONValue])
    case object([JSONMember])

    /// An object from names and values.
    package static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { JSONMember(name: $0.key, value: $0.value) })
    }

    /// A text, or null.
    package static func optional(_ text: String?) -> JSONValue { text.map { .text($0) } ?? .null }
    /// A number, or null.
    package static func optional(_ number: Int?) -> JSONValue { number.map { .number($0) } ?? .null }

    /// The JSON text in one line.
    package var text: String {
        var bytes: [UInt8] = []
        self.append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the JSON text.
    package func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .number(let number): bytes += "\(number)".utf8
        case .decimal(let number): bytes += (number.isFinite ? "\(number)" : "null").utf8
        case .text(let text): JSONText.append(text, to: &bytes)
        case .list(let values): Self.append(values, between: "[]", to: &bytes) { $0.append(to: &$1) }
        case .object(let members):
            Self.append(members, between: "{}", to: &bytes) { member, bytes in
                JSONText.append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
        }
    }

    private static func append<Item>(
        _ items: [Item],
        between brackets: StaticString,
        to bytes: inout [UInt8],
        _ append: (Item, inout [UInt8]) -> Void
    ) {
        let ends = Array("\(brackets)".utf8)
        bytes.append(ends[0])
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(item, &bytes)
        }
        bytes.append(ends[1])
    }
}

/// A member of a JSON object.
package struct JSONMember: Sendable, Hashable {
    package var name: String
    package var value: JSONValue

    package init(name: String, value: JSONValue) {
        self.name = name
        self.value = value
    }
}

/// Texts as JSON strings that can do nothing to a terminal, an editor or a reader of lines.
enum JSONText {
    /// Appends a string with its quotation marks.
    ///
    /// Control characters, line separators and characters that change the direction of text are escaped.
    ///
    /// - Parameter limit: What is beyond so many bytes is left out.
    static func append(_ text: String, limit: Int = .max, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        // Most texts need nothing of what follows.
        if text.utf8.count <= limit, self.appendPlain(text, to: &line) {
            line.append(UInt8(ascii: "\""))
            return
        }
        var length = 0
        for scalar in text.unicodeScalars {
            length += UTF8.width(scalar)
            if length > limit { break }
            switch scalar {
            case "\"", "\\":
                line.append(UInt8(ascii: "\\"))
                line.append(UInt8(scalar.value))
            case _ where self.isHarmless(scalar): line.append(contentsOf: String(scalar).utf8)
            default: for unit in String(scalar).utf16 { line += Array("\\u\(String(0x1_0000 + Int(unit), radix: 16).dropFirst())".utf8) }
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    /// Appends a text all of whose bytes stand for themselves.
    ///
    /// - Returns: Whether it is one; nothing is appended otherwise.
    private static func appendPlain(_ text: String, to line: inout [UInt8]) -> Bool {
        let bytes = text.utf8.span
        for index in bytes.indices where !self.isPlain(bytes[index]) { return false }
        unsafe bytes.withUnsafeBufferPointer { unsafe line.append(contentsOf: $0) }
        return true
    }

    /// Whether a byte is a character that stands for itself.
    private static func isPlain(_ byte: UInt8) -> Bool {
        0x20..<0x7F ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
        default: true
        }
    }
}
