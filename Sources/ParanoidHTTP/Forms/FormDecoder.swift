/// Decodes types from the fields of a form: strings, numbers, truth values, optionals, enumerations with raw values, and arrays of those.
///
/// An array takes all fields of its name, `name` or `name[]`. Everything else wants exactly one. An empty field is `nil` for an optional that is
/// not a string. Truth values are `true`, `1`, `on`, `yes` and `false`, `0`, `off`, `no`.
package struct FormDecoder: Sendable {
    private let userInfo: [CodingUserInfoKey: any Sendable]

    /// Creates a decoder.
    package init(userInfo: [CodingUserInfoKey: any Sendable] = [:]) {
        self.userInfo = userInfo
    }

    /// The value that the fields stand for.
    ///
    /// - Throws: ``FormError``, or what the type's own initialiser throws.
    package func decode<Value: Decodable>(_ type: Value.Type, from fields: FormFields) throws -> Value {
        try type.init(from: FormFieldsDecoder(fields: fields, userInfo: self.userInfo))
    }
}

/// The decoder of the whole form.
private struct FormFieldsDecoder: Decoder {
    let fields: FormFields
    var userInfo: [CodingUserInfoKey: Any]
    var codingPath: [any CodingKey] { [] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FormKeyedContainer<Key>(fields: self.fields, userInfo: self.userInfo))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw FormError(.unsupported) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw FormError(.unsupported) }
}

/// The fields by name.
private struct FormKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: FormFields
    let userInfo: [CodingUserInfoKey: Any]
    var codingPath: [any CodingKey] { [] }

    var allKeys: [Key] {
        var seen: Set<[UInt8]> = []
        return self.fields.all.compactMap { field in
            seen.insert(Array(field.name.utf8)).inserted ? Key(stringValue: field.name) : nil
        }
    }

    func contains(_ key: Key) -> Bool { !self.values(key).isEmpty }

    func decodeNil(forKey key: Key) -> Bool {
        self.values(key).allSatisfy { $0.isEmpty }
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try FormValueDecoder(name: key.stringValue, values: self.values(key), userInfo: self.userInfo).value(of: type)
    }

    // A text field that was left empty is an empty text, not an absent one.
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        self.contains(key) ? try self.decode(type, forKey: key) : nil
    }

    // An array of empty texts is an array.
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard self.contains(key), type is any RangeReplaceableCollection.Type || !self.decodeNil(forKey: key) else { return nil }
        return try self.decode(type, forKey: key)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        throw FormError(.unsupported, field: key.stringValue)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try FormValueDecoder(name: key.stringValue, values: self.values(key), userInfo: self.userInfo).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { throw FormError(.unsupported) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw FormError(.unsupported, field: key.stringValue) }

    private func values(_ key: Key) -> [String] {
        let values = self.fields.all(named: key.stringValue)
        return values.isEmpty ? self.fields.all(named: key.stringValue + "[]") : values
    }
}

/// The decoder of the values that one name has.
struct FormValueDecoder: Decoder, SingleValueDecodingContainer {
    let name: String
    let values: [String]
    var userInfo: [CodingUserInfoKey: Any]
    /// Whether the values are already those of one element of an array.
    var isElement = false
    var codingPath: [any CodingKey] { [] }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw FormError(.unsupported, field: self.name)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard !self.isElement else { throw FormError(.unsupported, field: self.name) }
        return FormValuesContainer(name: self.name, values: self.values, userInfo: self.userInfo)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { self.values.allSatisfy { $0.isEmpty } }

    func decode(_: String.Type) throws -> String { try self.value() }

    func decode(_: Bool.Type) throws -> Bool {
        switch try self.value() {
        case "true", "1", "on", "yes": true
        case "false", "0", "off", "no": false
        default: throw self.unsuitable(Bool.self)
        }
    }

    func decode(_: Double.Type) throws -> Double { try self.real() }
    func decode(_: Float.Type) throws -> Float { try self.real() }
    func decode(_: Int.Type) throws -> Int { try self.integer() }
    func decode(_: Int8.Type) throws -> Int8 { try self.integer() }
    func decode(_: Int16.Type) throws -> Int16 { try self.integer() }
    func decode(_: Int32.Type) throws -> Int32 { try self.integer() }
    func decode(_: Int64.Type) throws -> Int64 { try self.integer() }
    func decode(_: UInt.Type) throws -> UInt { try self.integer() }
    func decode(_: UInt8.Type) throws -> UInt8 { try self.integer() }
    func decode(_: UInt16.Type) throws -> UInt16 { try self.integer() }
    func decode(_: UInt32.Type) throws -> UInt32 { try self.integer() }
    func decode(_: UInt64.Type) throws -> UInt64 { try self.integer() }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try self.value(of: type) }

    /// The value that the type makes of the values; an initialiser that refuses them names no field itself.
    func value<Value: Decodable>(of type: Value.Type) throws -> Value {
        do {
            return try type.init(from: self)
        } catch is DecodingError {
            throw FormError(
                .unsuitable,
                field: self.name,
                expected: DecodingProblem.cases(of: type).map { "one of \($0.joined(separator: ", "))" }
            )
        }
    }

    private func value() throws -> String {
        guard let value = self.values.first else { throw FormError(.missing, field: self.name) }
        guard self.values.count == 1 else { throw FormError(.repeated, field: self.name) }
        guard value.utf8.first != 0 else { throw self.unsuitable(String.self) }
        return value
    }

    // Int("+1") is 1 and Int("-0") is 0 in Swift; a number has one spelling here.
    private func integer<Number: FixedWidthInteger>() throws -> Number {
        let text = try self.value()
        guard let number = Number(text), text.utf8.elementsEqual(String(number).utf8) else {
            throw self.unsuitable(Number.self)
        }
        return number
    }

    // Decimal digits only: Swift would also read "nan", "inf" and "0x1p3".
    private func real<Number: BinaryFloatingPoint & LosslessStringConvertible>() throws -> Number {
        let text = try self.value()
        let isDecimal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                true
            default: false
            }
        }
        guard isDecimal, let number = Number(text), number.isFinite else { throw self.unsuitable(Number.self) }
        return number
    }

    private func unsuitable(_ type: Any.Type) -> FormError {
        FormError(.unsuitable, field: self.name, expected: DecodingProblem.words(for: type))
    }
}

/// A decoder whose value may be a file of a multipart form.
package protocol FileFieldDecoder {
    /// The number of the file.
    ///
    /// - Throws: ``FormError`` for a field that is no file, or is there more than once.
    func fileIndex() throws -> Int
}

extension FormValueDecoder: FileFieldDecoder {
    func fileIndex() throws -> Int {
        guard let value = self.values.first else { throw FormError(.missing, field: self.name) }
        guard self.values.count == 1 else { throw FormError(.repeated, field: self.name) }
        guard value.utf8.first == 0, let number = Decimal.number(Array(value.utf8.dropFirst())) else {
            throw FormError(.unsuitable, field: self.name, expected: "a file")
        }
        return number
    }
}

/// The values of one name as an array.
private struct FormValuesContainer: UnkeyedDecodingContainer {
    let name: String
    let values: [String]
    let userInfo: [CodingUserInfoKey: Any]
    var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    var count: Int? { self.values.count }
    var isAtEnd: Bool { self.currentIndex == self.values.count }

    init(name: String, values: [String], userInfo: [CodingUserInfoKey: Any]) {
        self.name = name
        self.values = values
        self.userInfo = userInfo
    }

    mutating func decodeNil() -> Bool { false }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard !self.isAtEnd else { throw FormError(.missing, field: self.name) }
        let value = try FormValueDecoder(
            name: self.name,
            values: [self.values[self.currentIndex]],
            userInfo: self.userInfo,
            isElement: true
        ).value(of: type)
        self.currentIndex += 1
        return value
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw FormError(.unsupported, field: self.name)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw FormError(.unsupported, field: self.name) }
    mutating func superDecoder() throws -> any Decoder { throw FormError(.unsupported, field: self.name) }
}
