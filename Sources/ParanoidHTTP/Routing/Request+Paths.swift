internal import HTTPTypes

extension Request {
    /// The value that the route's pattern has captured under a name, as another type, such as a number.
    ///
    /// ```swift
    /// let id = try request.pathParameter("id", as: Int.self)
    /// ```
    ///
    /// A number has one spelling: `+7` and `007` are none, so that one page has one address.
    ///
    /// - Throws: ``HTTPError`` with status 404 when the value is none of the type: there is no such page.
    public func pathParameter<Value: LosslessStringConvertible>(_ name: String, as type: Value.Type) throws(HTTPError) -> Value {
        guard let text = self.pathParameter(name), let value = Value(text) else { throw HTTPError.notFound }
        if value is any FixedWidthInteger, !text.utf8.elementsEqual(value.description.utf8) { throw HTTPError.notFound }
        return value
    }

    /// Whether the path, read as the router reads it, begins with these bytes: an escaped slash (`%2F`) is no slash.
    ///
    /// - Parameters:
    ///   - prefix: The beginning, decoded.
    ///   - isWhole: Whether the path has to end, or to go on with a slash, behind it.
    package func isRouted(below prefix: some Collection<UInt8>, isWhole: Bool) -> Bool {
        RequestPath.end(of: prefix, in: self.rawPath, isWhole: isWhole) != nil
    }

    /// The rest of the raw path behind a beginning that ends before a slash or at its end; `nil` when the path begins otherwise.
    package func rawPath(below prefix: some Collection<UInt8>) -> Substring.UTF8View? {
        RequestPath.end(of: prefix, in: self.rawPath, isWhole: true).map { self.rawPath.utf8.dropFirst($0) }
    }
}

extension RequestPath {
    /// How many bytes of a raw path a beginning takes; `nil` when the path begins otherwise.
    ///
    /// An escaped slash (`%2F`) is no slash.
    static func end(of prefix: some Collection<UInt8>, in rawPath: String, isWhole: Bool) -> Int? {
        let path = rawPath.utf8.span
        var offset = 0
        for wanted in prefix {
            guard offset < path.count else { return nil }
            var byte = path[offset]
            offset += 1
            if byte == UInt8(ascii: "%") {
                guard let escaped = PercentEncoding.escape(in: path, at: offset), escaped != UInt8(ascii: "/") else { return nil }
                byte = escaped
                offset += 2
            }
            guard byte == wanted else { return nil }
        }
        return !isWhole || offset == path.count || path[offset] == UInt8(ascii: "/") ? offset : nil
    }
}
