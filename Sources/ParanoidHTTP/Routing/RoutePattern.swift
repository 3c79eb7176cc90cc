/// A parsed pattern such as `/users/{id}/files/{path*}`.
struct RoutePattern: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        /// Exactly these bytes.
        case literal([UInt8])
        /// Any one segment that is not empty.
        case capture
        /// All that is left, the empty rest included.
        case rest
    }

    let text: String
    let parts: [Part]
    /// The names of the captures, in their order.
    let names: [String]

    /// Parses a pattern; the error says in words what is wrong with it.
    init(_ text: String) throws(RoutePatternError) {
        guard text.utf8.first == UInt8(ascii: "/") else { throw RoutePatternError("a pattern begins with a slash") }
        guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 || $0 >= 0x80 }), !text.utf8.contains(where: { "?#%".utf8.contains($0) }) else {
            throw RoutePatternError("a pattern is a decoded path: no spaces, control bytes, question marks, number signs or percent signs")
        }
        var parts: [Part] = []
        var names: [String] = []
        let segments = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            let bytes = Array(segment)
            guard bytes.contains(UInt8(ascii: "{")) || bytes.contains(UInt8(ascii: "}")) else {
                guard bytes != Array(".".utf8), bytes != Array("..".utf8) else { throw RoutePatternError("a pattern has no dot segments") }
                guard !bytes.isEmpty || isLast else { throw RoutePatternError("only the last segment of a pattern can be empty") }
                parts.append(.literal(bytes))
                continue
            }
            let (name, isRest) = try Self.capture(bytes)
            guard !isRest || isLast else { throw RoutePatternError("{name*} is the last segment of a pattern") }
            guard !names.contains(name) else { throw RoutePatternError("the name \(name) is there twice") }
            names.append(name)
            parts.append(isRest ? .rest : .capture)
        }
        self.text = text
        self.parts = parts
        self.names = names
    }

    private static func capture(_ segment: [UInt8]) throws(RoutePatternError) -> (name: String, isRest: Bool) {
        let problem = RoutePatternError("a capture is a whole segment: {name} or {name*}, the name of letters, digits and underscores")
        guard segment.first == UInt8(ascii: "{"), segment.last == UInt8(ascii: "}") else { throw problem }
        var name = segment.dropFirst().dropLast()
        let isRest = name.last == UInt8(ascii: "*")
        if isRest { name = name.dropLast() }
        let isName = name.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard !name.isEmpty, isName else { throw problem }
        return (String(decoding: name, as: UTF8.self), isRest)
    }
}

/// What is wrong with a pattern.
struct RoutePatternError: Error, Sendable, Equatable {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}

/// The segments of a path that the `{name}` parts of a route's pattern have captured, with their percent escapes decoded once.
struct PathParameters: Sendable {
    private let names: [String]
    private let values: [String]

    init(names: [String], values: [String]) {
        self.names = names
        self.values = values
    }

    /// The captured value of a name; `nil` when the pattern does not have the name.
    ///
    /// The value of a `{name}` is never empty, that of a `{name*}` can be. Both can hold slashes that came as `%2F`.
    subscript(_ name: String) -> String? {
        for index in self.names.indices where self.names[index] == name { return self.values[index] }
        return nil
    }
}
