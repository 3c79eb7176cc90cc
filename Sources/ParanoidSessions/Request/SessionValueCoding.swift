internal import FoundationEssentials
internal import ParanoidHTTP

/// The bytes of session values.
///
/// Values are decoded when a handler asks for them and encoded when it sets them, never in between. A value of a type with a trivial form
/// (integers, booleans, strings, dates) is a byte that says which form follows, and its bytes; all others are JSON. No JSON begins with one
/// of these bytes, so each says what it is, and a key whose type has changed reads what it can as before: trivial forms stand for the JSON
/// of the same value.
enum SessionValueCoding {
    /// The first byte of a trivial form.
    private enum Form: UInt8 {
        /// 8 bytes, big-endian, two's complement.
        case integer = 1
        /// 1 byte, 0 or 1.
        case boolean = 2
        /// UTF-8.
        case string = 3
        /// Seconds since 2001-01-01T00:00:00Z as an IEEE 754 double, 8 bytes, big-endian.
        case date = 4
    }

    /// Whether bytes are JSON: a trivial form has no depth, whatever brackets are in its text.
    static func isJSON(_ bytes: [UInt8]) -> Bool { bytes.first.map { Form(rawValue: $0) == nil } ?? true }

    static func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        // The most usual type first: to ask for all integers takes a search.
        if let integer = value as? Int { return self.words(.integer, UInt64(bitPattern: Int64(integer))) }
        if let integer = value as? any FixedWidthInteger & Encodable, let integer = Int64(exactly: integer) {
            return self.words(.integer, UInt64(bitPattern: integer))
        }
        switch value {
        case let boolean as Bool: return [Form.boolean.rawValue, boolean ? 1 : 0]
        case let string as String: return self.text(string)
        case let date as Date: return self.words(.date, date.timeIntervalSinceReferenceDate.bitPattern)
        default:
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return Array(try encoder.encode(value))
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        guard let first = bytes.first, let form = Form(rawValue: first) else { return try JSONDecoder().decode(type, from: Data(bytes)) }
        let contents = bytes.dropFirst()
        switch form {
        case .integer:
            guard contents.count == 8 else { throw self.damaged(type) }
            let integer = Int64(bitPattern: self.word(contents))
            if type == Int.self, let value = Int(integer) as? Value { return value }
            if let type = type as? any (FixedWidthInteger & Decodable).Type {
                guard let value = self.integer(type, exactly: integer) as? Value else { throw self.damaged(type) }
                return value
            }
            return try JSONDecoder().decode(type, from: Data(String(integer).utf8))
        case .boolean:
            guard let boolean = contents.first, contents.count == 1, boolean <= 1 else { throw self.damaged(type) }
            if let value = (boolean == 1) as? Value { return value }
            return try JSONDecoder().decode(type, from: Data((boolean == 1 ? "true" : "false").utf8))
        case .string:
            guard let string = String(validating: contents, as: UTF8.self) else { throw self.damaged(type) }
            if let value = string as? Value { return value }
            return try JSONDecoder().decode(type, from: JSONEncoder().encode(string))
        case .date:
            guard contents.count == 8 else { throw self.damaged(type) }
            let date = Date(timeIntervalSinceReferenceDate: Double(bitPattern: self.word(contents)))
            if let value = date as? Value { return value }
            return try JSONDecoder().decode(type, from: JSONEncoder().encode(date))
        }
    }

    private static func integer<Number: FixedWidthInteger>(_ type: Number.Type, exactly integer: Int64) -> Number? {
        Number(exactly: integer)
    }

    private static func words(_ form: Form, _ word: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(9)
        bytes.append(form.rawValue)
        BigEndian.append(word, to: &bytes)
        return bytes
    }

    private static func text(_ string: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 + string.utf8.count)
        bytes.append(Form.string.rawValue)
        bytes.append(contentsOf: string.utf8)
        return bytes
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { BigEndian.number(bytes) }

    private static func damaged(_ type: Any.Type) -> DecodingError {
        DecodingError.dataCorrupted(DecodingError.Context(codingPath: [], debugDescription: "the stored bytes are no \(type)"))
    }
}
