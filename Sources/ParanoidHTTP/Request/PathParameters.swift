/// What the `{name}` parts of a route's pattern stand for in a request, decoded.
public struct PathParameters: Sendable {
    private let names: [String]
    private let values: [String]

    /// Creates an empty list.
    public init() {
        self.names = []
        self.values = []
    }

    init(names: [String], values: [String]) {
        self.names = names
        self.values = values
    }

    /// The value of a name; `nil` when the pattern does not have it.
    ///
    /// It is never empty, except for the value of a `{name*}`, and can hold slashes that came as `%2F`.
    public subscript(_ name: String) -> String? {
        for index in self.names.indices where self.names[index] == name { return self.values[index] }
        return nil
    }
}
