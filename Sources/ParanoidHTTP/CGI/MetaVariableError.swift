/// What is wrong with the parameters of a request; the right answer is a plain 400.
///
/// It never holds a value that a client sent, so it can be logged as it is.
package struct MetaVariableError: Error, Sendable, Hashable {
    /// The kind of defect.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidName = "invalid parameter name"
            case controlByte = "control byte"
            case duplicate = "duplicate parameter"
            case conflict = "conflicting parameters"
            case missing = "missing parameter"
            case malformed = "malformed value"
            case tooLong = "value too long"
        }

        private let kind: Kind

        /// A name that is empty, too long or not printable ASCII.
        package static let invalidName = Self(kind: .invalidName)
        /// A byte below 0x20 or 0x7F in a value; only HTAB in a header field is allowed.
        package static let controlByte = Self(kind: .controlByte)
        /// A parameter that decides something arrived twice.
        package static let duplicate = Self(kind: .duplicate)
        /// Two parameters contradict each other.
        package static let conflict = Self(kind: .conflict)
        /// A parameter that every request has is absent.
        package static let missing = Self(kind: .missing)
        /// A value that does not have the form its parameter requires.
        package static let malformed = Self(kind: .malformed)
        /// A value over its limit.
        package static let tooLong = Self(kind: .tooLong)

        /// The code in words.
        package var description: String { self.kind.rawValue }
    }

    /// The kind of defect.
    package let code: Code
    /// The parameter concerned, `nil` when its name is not one of those that are known.
    package let parameter: MetaVariableName?

    /// Creates an error.
    package init(_ code: Code, _ parameter: MetaVariableName? = nil) {
        self.code = code
        self.parameter = parameter
    }
}

extension MetaVariableError: CustomStringConvertible {
    /// The code and the parameter's name, for a log line.
    package var description: String {
        guard let parameter else { return self.code.description }
        return "\(self.code) (\(parameter.text))"
    }
}
