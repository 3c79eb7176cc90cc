/// Why the head of a response cannot be sent; the right answer is a plain 500.
package struct CGIResponseHeadError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case status = "a status outside 200...599 or with a control byte"
        case name = "a field name that is not a token"
        case value = "a field value with a control byte"
        case reserved = "a field that would change the meaning of the head"
    }

    private let kind: Kind

    /// A status that cannot end a request, or a reason phrase with control bytes.
    package static let invalidStatus = Self(kind: .status)
    /// A field name that is not a token.
    package static let invalidName = Self(kind: .name)
    /// A field value with a control byte other than HTAB.
    package static let invalidValue = Self(kind: .value)
    /// A field called `Status`, which the web server would take for the status (RFC 3875, section 6.3.3).
    package static let reservedName = Self(kind: .reserved)

    /// The reason in words, without the offending value.
    package var description: String { "the response head has \(self.kind.rawValue)" }
}
