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
        let path = self.rawPath.utf8.span
        var offset = 0
        for wanted in prefix {
            guard offset < path.count else { return false }
            var byte = path[offset]
            offset += 1
            if byte == UInt8(ascii: "%") {
                guard let escaped = PercentEncoding.escape(in: path, at: offset), escaped != UInt8(ascii: "/") else { return false }
                byte = escaped
                offset += 2
            }
            guard byte == wanted else { return false }
        }
        return !isWhole || offset == path.count || path[offset] == UInt8(ascii: "/")
    }
}
