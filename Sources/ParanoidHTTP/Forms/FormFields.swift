internal import HTTPTypes

/// The names and values of a form or a query, in the order in which they came; a name may repeat.
///
/// The form is `application/x-www-form-urlencoded` (WHATWG URL Standard, section 5). Names are compared byte by byte.
public struct FormFields: Sendable {
    /// One name and value.
    package struct Field: Sendable, Hashable {
        /// The name with its percent escapes decoded, without NUL.
        package let name: String
        /// The value with its percent escapes decoded; it can hold line breaks, but no NUL.
        package let value: String
    }

    /// The most pairs that are read; a form with more is refused.
    package static let maximumFields = 1000

    /// All fields in the order in which they came.
    package private(set) var all: [Field] = []
    /// Whether every pair could be read.
    ///
    /// A pair that is not percent-encoded UTF-8, or holds NUL, is not in ``all``.
    package private(set) var isComplete = true

    /// Creates an empty list.
    package init() {}

    /// Parses a form.
    ///
    /// - Throws: ``FormError`` when a pair is malformed or there are too many.
    package init(form bytes: [UInt8]) throws(FormError) {
        let isWithin = self.read(bytes.span)
        guard isWithin else { throw FormError(.tooMany) }
        guard self.isComplete else { throw FormError(.malformed) }
    }

    /// Parses a query; what is malformed is left out.
    package init(query: String) {
        guard !query.isEmpty else { return }
        _ = self.read(query.utf8.span)
    }

    /// The first value of a name; `nil` when there is none.
    public func first(named name: String) -> String? {
        for field in self.all where field.name.utf8.elementsEqual(name.utf8) { return field.value }
        return nil
    }

    /// All values of a name, in their order.
    public func all(named name: String) -> [String] {
        self.all.compactMap { $0.name.utf8.elementsEqual(name.utf8) ? $0.value : nil }
    }

    /// Adds a field of a multipart form; `false` when it is not UTF-8 or holds NUL.
    package mutating func append(_ value: [UInt8], named name: String) -> Bool {
        guard !value.contains(0), let text = String(validating: value, as: UTF8.self) else { return false }
        self.all.append(Field(name: name, value: text))
        return true
    }

    /// Adds a file of a multipart form by its number; no other field has a NUL in its value.
    package mutating func append(file number: Int, named name: String) {
        self.all.append(Field(name: name, value: "\0\(number)"))
    }

    /// The value that the fields stand for.
    ///
    /// - Throws: ``HTTPError`` with status 400 that names the field.
    package func decode<Value: Decodable>(_ type: Value.Type, userInfo: [CodingUserInfoKey: any Sendable]) throws -> Value {
        do {
            return try FormDecoder(userInfo: userInfo).decode(type, from: self)
        } catch {
            throw HTTPError(
                .badRequest,
                message: "The form does not have the fields that were expected.",
                cause: error,
                problem: DecodingProblem.describe(error)
            )
        }
    }

    private mutating func read(_ bytes: Span<UInt8>) -> Bool {
        let outcome = FormParser.parse(bytes, maximumPairs: Self.maximumFields)
        self.isComplete = !outcome.hasMalformedPairs && !outcome.hasTooManyPairs
        self.all.reserveCapacity(outcome.pairs.count)
        for pair in outcome.pairs {
            guard !pair.name.contains(0), !pair.value.contains(0), let name = String(validating: pair.name, as: UTF8.self),
                let value = String(validating: pair.value, as: UTF8.self)
            else {
                self.isComplete = false
                continue
            }
            self.all.append(Field(name: name, value: value))
        }
        return !outcome.hasTooManyPairs
    }
}

/// Why bytes are not a form, or a form does not fit a type.
package struct FormError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of defect.
    package enum Code: String, Sendable, Hashable {
        /// An escape that is none, bytes that are not UTF-8, or NUL.
        case malformed = "a pair is not percent-encoded UTF-8"
        /// More than ``FormFields/maximumFields`` pairs.
        case tooMany = "there are too many fields"
        /// A field that the type needs is not there.
        case missing = "a field is missing"
        /// A field that the type has once came several times; which one counts must not be left to order.
        case repeated = "a field is there more than once"
        /// A value that is not of the field's type.
        case unsuitable = "a field has a value of another type"
        /// Nested objects or arrays of arrays.
        case unsupported = "the type has parts that a form cannot hold"
    }

    /// The kind of defect.
    package let code: Code
    /// The name of the field in the type, if one is concerned.
    package let field: String?
    /// What the field's type wants, in words.
    package let expected: String?

    /// Creates an error.
    package init(_ code: Code, field: String? = nil, expected: String? = nil) {
        self.code = code
        self.field = field
        self.expected = expected
    }

    /// The defect in words, without the value.
    package var description: String {
        guard let field else { return self.code.rawValue }
        return "\(self.code.rawValue) (\(field))"
    }
}
