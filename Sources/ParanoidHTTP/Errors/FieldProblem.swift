internal import HTTPTypes

/// What is wrong with one field of a form, a query or a JSON body.
public struct FieldProblem: Sendable, Equatable, Encodable {
    /// The name of the field, as the type has it; in JSON the way to it, such as `items[2].price`.
    public let field: String
    /// What is wrong, in words that the client gets; never the value that was sent.
    public let message: String

    /// Creates a description.
    package init(field: String, message: String) {
        self.field = field
        self.message = message
    }
}

/// Collects what is wrong with the fields of a request, so that the client hears all of it at once.
///
/// ```swift
/// var validation = Validation()
/// validation.check(entry.name.count <= 80, "name", "can have 80 characters")
/// validation.check(entry.age >= 0, "age", "cannot be negative")
/// try validation.finish()
/// ```
public struct Validation: Sendable {
    /// What was found wrong so far, in the order of the checks.
    package private(set) var problems: [FieldProblem] = []

    /// Creates a validation that has found nothing wrong.
    public init() {}

    /// Notes a problem of a field unless a condition holds.
    public mutating func check(_ isValid: Bool, _ field: String, _ message: String) {
        if !isValid { self.problems.append(FieldProblem(field: field, message: message)) }
    }

    /// Ends the validation.
    ///
    /// - Throws: ``HTTPError`` with status 422 and all problems, if there are any.
    public func finish() throws(HTTPError) {
        guard !self.problems.isEmpty else { return }
        var error = HTTPError(.unprocessableContent, message: "Some fields are not valid.")
        error.problems = self.problems
        throw error
    }
}
