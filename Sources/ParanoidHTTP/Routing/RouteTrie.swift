internal import HTTPTypes

/// Patterns as a tree of segments, and the search in it.
///
/// The path is cut where it has slashes, and each segment is decoded alone: `%2F` never cuts. Literals come before `{name}`, `{name}` before
/// `{name*}`; a way that ends without a handler for the method is left for the next one. Every node is visited once at most.
struct RouteTrie<Endpoint: Sendable>: Sendable {
    /// What a search has found.
    struct Result: Sendable {
        /// The endpoint for the method, and the captured values.
        var found: (endpoint: Endpoint, values: [String])?
        /// The methods that the matching patterns have; empty when no pattern matches.
        var methods: [HTTPRequest.Method] = []
    }

    private struct Node: Sendable {
        /// In the order of their bytes, for binary search.
        var literals: [(bytes: [UInt8], node: Int)] = []
        var capture: Int?
        var rest: Int?
        var endpoints: [(method: HTTPRequest.Method, endpoint: Endpoint)] = []
    }

    private var nodes = [Node()]

    /// Adds an endpoint; returns false when the same way with the same method is taken.
    mutating func insert(_ endpoint: Endpoint, method: HTTPRequest.Method, pattern: RoutePattern) -> Bool {
        var node = 0
        for part in pattern.parts { node = self.child(of: node, part) }
        guard !self.nodes[node].endpoints.contains(where: { $0.method == method }) else { return false }
        self.nodes[node].endpoints.append((method, endpoint))
        return true
    }

    /// Searches a valid raw path.
    ///
    /// The endpoint of GET also serves HEAD where HEAD has none.
    func search(_ path: String, method: HTTPRequest.Method) -> Result {
        var search = Search(method: method)
        self.visit(0, path.utf8.span, 1, &search)
        return search.result
    }

    private struct Search {
        let method: HTTPRequest.Method
        var values: [String] = []
        var result = Result()
    }

    private mutating func child(of node: Int, _ part: RoutePattern.Part) -> Int {
        switch part {
        case .literal(let bytes):
            let position = self.position(of: bytes.span, in: node)
            if position.isThere { return self.nodes[node].literals[position.index].node }
            self.nodes.append(Node())
            self.nodes[node].literals.insert((bytes, self.nodes.count - 1), at: position.index)
        case .capture:
            if let child = self.nodes[node].capture { return child }
            self.nodes.append(Node())
            self.nodes[node].capture = self.nodes.count - 1
        case .rest:
            if let child = self.nodes[node].rest { return child }
            self.nodes.append(Node())
            self.nodes[node].rest = self.nodes.count - 1
        }
        return self.nodes.count - 1
    }

    /// Follows the segment that begins at `start`; `start` behind the end means that no segment is left.
    ///
    /// Returns true when the search is over.
    @discardableResult
    private func visit(_ node: Int, _ path: Span<UInt8>, _ start: Int, _ search: inout Search) -> Bool {
        guard start <= path.count else { return self.take(node, &search) }
        var end = start
        var isEncoded = false
        while end < path.count, path[end] != UInt8(ascii: "/") {
            if path[end] == UInt8(ascii: "%") { isEncoded = true }
            end &+= 1
        }
        let segment = path.extracting(start..<end)
        if let child = self.literal(segment, isEncoded, in: node), self.visit(child, path, end &+ 1, &search) { return true }
        if let child = self.nodes[node].capture, !segment.isEmpty {
            search.values.append(Self.text(segment))
            if self.visit(child, path, end &+ 1, &search) { return true }
            search.values.removeLast()
        }
        if let child = self.nodes[node].rest {
            search.values.append(Self.text(path.extracting(start..<path.count)))
            if self.take(child, &search) { return true }
            search.values.removeLast()
        }
        return false
    }

    private func take(_ node: Int, _ search: inout Search) -> Bool {
        let endpoints = self.nodes[node].endpoints
        let match = endpoints.first { $0.method == search.method } ?? (search.method == .head ? endpoints.first { $0.method == .get } : nil)
        if let match {
            search.result.found = (match.endpoint, search.values)
            return true
        }
        for entry in endpoints where !search.result.methods.contains(entry.method) { search.result.methods.append(entry.method) }
        return false
    }

    private func literal(_ segment: Span<UInt8>, _ isEncoded: Bool, in node: Int) -> Int? {
        guard !self.nodes[node].literals.isEmpty else { return nil }
        let position: (index: Int, isThere: Bool)
        if isEncoded {
            position = self.position(of: Self.decoded(segment).span, in: node)
        } else {
            position = self.position(of: segment, in: node)
        }
        return position.isThere ? self.nodes[node].literals[position.index].node : nil
    }

    private func position(of segment: Span<UInt8>, in node: Int) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = self.nodes[node].literals.count
        while low < high {
            let middle = (low + high) / 2
            switch Self.compare(self.nodes[node].literals[middle].bytes, segment) {
            case 0: return (middle, true)
            case ..<0: low = middle + 1
            default: high = middle
            }
        }
        return (low, false)
    }

    private static func compare(_ lhs: [UInt8], _ rhs: Span<UInt8>) -> Int {
        if lhs.count != rhs.count { return lhs.count - rhs.count }
        for index in lhs.indices where lhs[index] != rhs[index] { return Int(lhs[index]) - Int(rhs[index]) }
        return 0
    }

    // The path was checked, so every segment is UTF-8 once it is decoded: an escaped slash does not end a character.
    private static func text(_ segment: Span<UInt8>) -> String {
        String(decoding: Self.decoded(segment), as: UTF8.self)
    }

    private static func decoded(_ segment: Span<UInt8>) -> [UInt8] {
        guard let decoded = PercentEncoding.decode(segment) else { preconditionFailure("the router searches valid paths only") }
        return decoded
    }
}
