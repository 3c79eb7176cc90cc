internal import ParanoidHTTP

/// The name of one session in lists, logs, events and the command-line tool: 8 random bytes, drawn when the session begins.
///
/// It stays the same for the life of the session, whenever its identifier is replaced, and nothing secret can be computed from it. It is
/// good for recognising a session, and for revoking it together with the name of its user.
public struct SessionHandle: Sendable, Hashable, CustomStringConvertible {
    /// The number of digits of ``description``.
    private static let digitCount = 16

    let number: UInt64

    package init(number: UInt64) {
        self.number = number
    }

    /// Draws a fresh handle.
    package init(using generator: inout some RandomNumberGenerator) {
        self.number = generator.next()
    }

    /// Parses the text of a handle; `nil` for anything else.
    public init?(_ text: String) {
        guard text.utf8.count == Self.digitCount, let bytes = Hexadecimal.bytes(of: text.utf8) else { return nil }
        self.number = BigEndian.number(bytes[...])
    }

    /// The text of the handle: 16 hexadecimal digits.
    public var description: String { Hexadecimal.text(self.number, width: Self.digitCount) }
}
