/// Says which field could not be decoded and what was expected there, without the value that was sent.
enum DecodingProblem {
    private static let longestField = 200

    /// What is wrong with the fields of a form or a query.
    static func describe(_ error: any Error) -> FieldProblem? {
        guard let error = error as? FormError else { return nil }
        guard let field = error.field else { return nil }
        let message =
            switch error.code {
            case .missing: "is missing"
            case .repeated: "is there more than once"
            case .unsuitable: "\(error.expected ?? "another value") is expected"
            case .malformed, .tooMany, .unsupported: error.code.rawValue
            }
        return FieldProblem(field: Self.printable(field), message: message)
    }

    /// What is wrong with a JSON document; `nil` when it is not JSON at all.
    static func describe(_ error: DecodingError) -> FieldProblem? {
        switch error {
        case .typeMismatch(let type, let context): Self.problem(context.codingPath, "\(Self.words(for: type)) is expected")
        case .valueNotFound(let type, let context): Self.problem(context.codingPath, "\(Self.words(for: type)) is expected, not null")
        case .keyNotFound(let key, let context): Self.problem(context.codingPath + [key], "is missing")
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? nil : Self.problem(context.codingPath, "another value is expected")
        @unknown default: nil
        }
    }

    private static func problem(_ path: [any CodingKey], _ message: String) -> FieldProblem {
        var field = ""
        for key in path {
            if let index = key.intValue {
                field += "[\(index)]"
            } else {
                field += field.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return FieldProblem(field: field.isEmpty ? "the document" : Self.printable(field), message: message)
    }

    /// What a type wants, in words.
    static func words(for type: Any.Type) -> String {
        switch type {
        case is String.Type: return "a text"
        case is Bool.Type: return "true or false"
        case let type as any FixedWidthInteger.Type: return Self.range(of: type)
        case is any BinaryFloatingPoint.Type: return "a number"
        case is any RangeReplaceableCollection.Type: return "an array"
        default:
            // Of Foundation's dates no more than the name is known here.
            if String(describing: type) == "Date" { return "a date in ISO 8601 form" }
            return Self.cases(of: type).map { "one of \($0.joined(separator: ", "))" } ?? "an object"
        }
    }

    /// The raw values of an enumeration that lists its cases.
    static func cases(of type: Any.Type) -> [String]? {
        func list<Cases: CaseIterable>(_: Cases.Type) -> [String] {
            Cases.allCases.compactMap { ($0 as? any RawRepresentable).map { "\($0.rawValue)" } }
        }
        guard let type = type as? any CaseIterable.Type else { return nil }
        let names = list(type)
        return names.isEmpty || names.count > 20 ? nil : names
    }

    private static func range<Number: FixedWidthInteger>(of _: Number.Type) -> String {
        "a whole number from \(Number.min) to \(Number.max)"
    }

    // A key of a dictionary in JSON is what the client has sent.
    private static func printable(_ text: String) -> String {
        String(ErrorResponder.printable(text).prefix(Self.longestField))
    }
}
