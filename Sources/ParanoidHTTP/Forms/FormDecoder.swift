/// Decodes types from the fields of a form: strings, numbers, truth values, optionals, enumerations with raw values, and arrays of those.
///
/// An array takes all fields of its name, `name` or `name[]`. Everything else wants exactly one. An empty field is `nil` for an optional that is
/// not a string. Truth values are `true`, `1`, `on`, `yes` and `false`, `0`, `off`, `no`.
public struct FormDecoder: Sendable {
    /// Creates a decoder.
    public init() {}

    /// The value that the fields stand for.
    ///
    /// - Throws: ``FormError``, or what the type's own initialiser throws.
    public func decode<Value: Decodable>(_ type: Value.Type, from fields: FormFields) throws -> Value {
        try type.init(from: FormFieldsDecoder(fields: fields))
    }
}

/// The decoder of the whole form.
private struct FormFieldsDecoder: Decoder {
    let fields: FormFields
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FormKeyedContainer<Key>(fields: self.fields))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw FormError(.unsupported) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw FormError(.unsupported) }
}

/// The fields by name.
private struct FormKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: FormFields
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
        try type.init(from: FormValueDecoder(name: key.stringValue, values: self.values(key)))
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
        try FormValueDecoder(name: key.stringValue, values: self.values(key)).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { throw FormError(.unsupported) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw FormError(.unsupported, field: key.stringValue) }

    private func values(_ key: Key) -> [String] {
        let values = self.fields.all(named: key.stringValue)
        return values.isEmpty ? self.fields.all(named: key.stringValue + "[]") : values
    }
}
