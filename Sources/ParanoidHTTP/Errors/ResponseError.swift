/// A response that must not be sent; a mistake of the handler, so the client gets a plain 500.
public struct ResponseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of mistake.
    public struct Code: Sendable, Hashable {
        fileprivate enum Kind: String {
            case invalidField = "a header field value holds a control byte"
            case reservedField = "the header field is set by the server itself"
            case invalidStatus = "the status is not in 200...599"
            case invalidLocation = "the address of a redirection is not made of printable ASCII"
            case bodyNotAllowed = "a response with this status has no body"
            case lengthMismatch = "the body has another length than announced"
        }

        fileprivate let kind: Kind

        /// A header field value with a byte below 0x20 (HTAB excepted) or 0x7F.
        public static let invalidField = Self(kind: .invalidField)
        /// A header field that other properties of the response stand for.
        public static let reservedField = Self(kind: .reservedField)
        /// A status that cannot end a request.
        public static let invalidStatus = Self(kind: .invalidStatus)
        /// The target of a redirection with other bytes than printable ASCII; percent-encode them.
        public static let invalidLocation = Self(kind: .invalidLocation)
        /// A body with status 204 or 304.
        public static let bodyNotAllowed = Self(kind: .bodyNotAllowed)
        /// A streamed body that is longer or shorter than announced.
        public static let lengthMismatch = Self(kind: .lengthMismatch)
    }

    /// The kind of mistake.
    public let code: Code
    /// The header field concerned, if any.
    public let field: String?

    /// Creates an error.
    public init(_ code: Code, field: String? = nil) {
        self.code = code
        self.field = field
    }

    /// The mistake in words, without the offending value.
    public var description: String {
        guard let field else { return self.code.kind.rawValue }
        return "\(self.code.kind.rawValue) (\(field))"
    }
}
