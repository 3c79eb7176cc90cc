/// One cookie that a client presented.
public struct Cookie: Sendable, Hashable {
    /// The bytes of the name.
    public let name: [UInt8]
    /// The bytes of the value; it can be empty.
    public let value: [UInt8]
}

extension Cookie: CustomStringConvertible {
    /// The name alone: values of cookies are secrets.
    public var description: String {
        "Cookie(\(String(decoding: self.name, as: UTF8.self)), redacted)"
    }
}
