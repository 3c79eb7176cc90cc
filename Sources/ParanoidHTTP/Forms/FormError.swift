/// Why bytes are not a form, or a form does not fit a type.
public struct FormError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of defect.
    public struct Code: Sendable, Hashable {
        fileprivate enum Kind: String {
            case malformed = "a pair is not percent-encoded UTF-8"
            case tooMany = "there are too many fields"
            case missing = "a field is missing"
            case repeated = "a field is there more than once"
            case unsuitable = "a field has a value of another type"
            case unsupported = "the type has parts that a form cannot hold"
        }

        fileprivate let kind: Kind

        /// An escape that is none, bytes that are not UTF-8, or NUL.
        public static let malformed = Self(kind: .malformed)
        /// More than ``FormFields/maximumFields`` pairs.
        public static let tooMany = Self(kind: .tooMany)
        /// A field that the type needs is not there.
        public static let missing = Self(kind: .missing)
        /// A field that the type has once came several times; which one counts must not be left to order.
        public static let repeated = Self(kind: .repeated)
        /// A value that is not of the field's type.
        public static let unsuitable = Self(kind: .unsuitable)
        /// Nested objects or arrays of arrays.
        public static let unsupported = Self(kind: .unsupported)
    }

    /// The kind of defect.
    public let code: Code
    /// The name of the field in the type, if one is concerned.
    public let field: String?

    /// Creates an error.
    public init(_ code: Code, field: String? = nil) {
        self.code = code
        self.field = field
    }

    /// The defect in words, without the value.
    public var description: String {
        guard let field else { return self.code.kind.rawValue }
        return "\(self.code.kind.rawValue) (\(field))"
    }
}
