/// A file of settings that cannot be used.
package struct ProcessEnvironmentError: Error, Sendable {
    /// The kind of failure.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case unreadable = "the file cannot be read"
            case missingSeparator = "expected NAME=VALUE"
            case invalidName = "a name consists of letters, digits and underscores and does not begin with a digit"
            case controlByte = "control bytes are not allowed in a value, carriage returns at the end of a line included"
            case quotedValue = "values are taken as they are, so they must not be quoted"
            case duplicateName = "the name is given twice"
        }

        private let kind: Kind

        package static let unreadable = Self(kind: .unreadable)
        package static let missingSeparator = Self(kind: .missingSeparator)
        package static let invalidName = Self(kind: .invalidName)
        package static let controlByte = Self(kind: .controlByte)
        package static let quotedValue = Self(kind: .quotedValue)
        package static let duplicateName = Self(kind: .duplicateName)

        /// What is wrong, in words.
        package var description: String { self.kind.rawValue }
    }

    /// The kind of failure.
    package let code: Code
    /// The number of the line, from 1; `nil` when it is about the whole file.
    package let line: Int?
    /// The call that failed.
    package let cause: SystemCallError?

    init(_ code: Code, line: Int?, cause: SystemCallError? = nil) {
        self.code = code
        self.line = line
        self.cause = cause
    }
}

extension ProcessEnvironmentError: CustomStringConvertible {
    /// What is wrong and where, without any name or value, which may be secrets.
    package var description: String {
        let place = self.line.map { "line \($0): " } ?? ""
        let reason = self.cause.map { " (\($0))" } ?? ""
        return place + self.code.description + reason
    }
}
