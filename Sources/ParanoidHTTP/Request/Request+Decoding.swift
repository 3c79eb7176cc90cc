internal import HTTPTypes

extension Request {
    /// Reads the body and gives the fields of its url-encoded form.
    ///
    /// - Throws: ``HTTPError``: 415 for another content type, 413 over the limit, 400 for a body that is not a form or is not complete; the errors of ``RequestBody/collect(upTo:)``.
    public func form() async throws -> FormFields {
        guard self.hasContentType({ $0 == "application/x-www-form-urlencoded" }) else { throw HTTPError.unsupportedMediaType }
        let bytes = try await self.body.collect()
        do {
            return try FormFields(form: bytes)
        } catch {
            throw HTTPError(error.code == .tooMany ? .contentTooLarge : .badRequest, message: "The form is not valid.", cause: error)
        }
    }

    /// Reads the body and decodes its url-encoded form: texts, numbers, truth values, optionals, enumerations and arrays of them.
    ///
    /// An array takes all fields of its name, `name` or `name[]`; any other type takes exactly one. Truth values are `true`, `1`, `on`, `yes` and
    /// `false`, `0`, `off`, `no`.
    ///
    /// - Throws: ``HTTPError`` as ``form()`` does, and 400 when the fields are not those of the type.
    public func decodeForm<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        try Self.decode(type, from: try await self.form(), "The form does not have the fields that were expected.")
    }

    /// Decodes the query, as ``decodeForm(_:)`` decodes a form.
    ///
    /// - Throws: ``HTTPError`` with status 400 when the query is malformed or its fields are not those of the type.
    public func decodeQuery<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard self.query.isComplete else { throw HTTPError(.badRequest, message: "The query is not valid.") }
        return try Self.decode(type, from: self.query, "The query does not have the fields that were expected.")
    }

    /// Reads the body and decodes its JSON: in UTF-8, nested at most 64 deep, dates in ISO 8601 form (RFC 8259).
    ///
    /// - Throws: ``HTTPError``: 415 for another content type, 413 over the limit, 400 for a body that does not fit the type or is not complete; the errors of ``RequestBody/collect(upTo:)``.
    public func decodeJSON<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        guard self.hasJSON else { throw HTTPError.unsupportedMediaType }
        return try JSONCoding.decode(type, from: try await self.body.collect())
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, from fields: FormFields, _ message: String) throws -> Value {
        do {
            return try FormDecoder().decode(type, from: fields)
        } catch {
            throw HTTPError(.badRequest, message: message, cause: error, problem: DecodingProblem.describe(error))
        }
    }

    /// Whether the content type of the body is JSON.
    package var hasJSON: Bool { self.hasContentType { $0 == "application/json" || $0.hasSuffix("+json") } }

    // Compared in lower case and without parameters (RFC 9110, section 8.3.1).
    private func hasContentType(_ isWanted: (String) -> Bool) -> Bool {
        self.parameters.withBytes(of: "CONTENT_TYPE") { value in
            guard let value, value.byteCount <= 1024 else { return false }
            var type: [UInt8] = []
            for offset in 0..<value.byteCount {
                let byte = value.byte(at: offset)
                if byte == UInt8(ascii: ";") { break }
                type.append(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte)
            }
            while let last = type.last, last == 0x20 || last == 0x09 { type.removeLast() }
            return isWanted(String(decoding: type, as: UTF8.self))
        }
    }
}
