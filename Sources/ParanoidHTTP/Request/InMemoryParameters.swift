/// Parameters held in memory, for requests that do not come from a web server.
public struct InMemoryParameters: RequestParameters {
    private var pairs: [(name: [UInt8], value: [UInt8])] = []

    /// Creates an empty list.
    public init() {}

    /// Creates a list from texts, in their order; a name may repeat.
    public init(_ pairs: KeyValuePairs<String, String>) {
        for (name, value) in pairs { self.append(name: Array(name.utf8), value: Array(value.utf8)) }
    }

    /// Adds a parameter at the end.
    public mutating func append(name: [UInt8], value: [UInt8]) {
        self.pairs.append((name, value))
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func withBytes<Outcome>(of name: String, _ body: (RawSpan?) -> Outcome) -> Outcome {
        let wanted = name.utf8
        for pair in self.pairs where pair.name.count == wanted.count && pair.name.elementsEqual(wanted) {
            return unsafe body(pair.value.span.bytes)
        }
        return body(nil)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) {
        for pair in self.pairs { unsafe body(pair.name.span.bytes, pair.value.span.bytes) }
    }
}
