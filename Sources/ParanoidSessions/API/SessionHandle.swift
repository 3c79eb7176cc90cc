/// A name for one of a user's sessions that is good for showing it in a list and revoking it, and for nothing else.
///
/// It comes from the name of the session's file; no identifier can be computed from it.
public struct SessionHandle: Sendable, Hashable, CustomStringConvertible {
    let name: SessionName

    init(_ name: SessionName) {
        self.name = name
    }

    /// Parses the text of a handle; `nil` for anything else.
    public init?(_ text: String) {
        guard let name = SessionName(hexadecimal: Array(text.utf8)) else { return nil }
        self.name = name
    }

    /// The text of the handle: 64 hexadecimal digits.
    public var description: String { self.name.hexadecimal }
}
