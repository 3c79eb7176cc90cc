/// What a fingerprint is made of: the values of named request parameters, byte for byte, in the order of the setting.
///
/// A parameter that is absent differs from one that is empty.
public struct ClientTraits: Sendable, Hashable {
    /// The value of each parameter; `nil` for one that the request does not have.
    public var values: [[UInt8]?]

    /// Creates traits.
    public init(_ values: [[UInt8]?]) {
        self.values = values
    }

    /// One unambiguous byte string: a presence byte and the length before each value, so nothing can move from one to the next.
    public var framed: [UInt8] {
        var bytes = UInt64(self.values.count).bigEndianBytes
        for value in self.values {
            bytes.append(value == nil ? 0 : 1)
            bytes.append(contentsOf: UInt64(value?.count ?? 0).bigEndianBytes)
            bytes.append(contentsOf: value ?? [])
        }
        return bytes
    }
}

extension ClientTraits: CustomStringConvertible {
    /// Says how many there are; addresses and agents are personal data.
    public var description: String { "ClientTraits(\(self.values.count), redacted)" }
}
