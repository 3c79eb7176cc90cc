/// What the application wants a user to see of a login when it lists the user's sessions.
///
/// Nothing is stored of a client but what is given here; an address is personal data, so ask before you keep it.
public struct SessionDevice: Sendable, Hashable {
    /// The most bytes of each text; more is cut off.
    public static let maximumByteCount = 128

    /// A text by which the user recognises the device, such as "Firefox on Linux".
    public let label: String
    /// Where it was, if the user agreed to have that kept.
    public let address: String?

    /// Creates a description; texts of more than ``maximumByteCount`` bytes are cut.
    public init(label: String, address: String? = nil) {
        self.label = Self.cut(label)
        self.address = address.map(Self.cut)
    }

    private static func cut(_ text: String) -> String {
        if text.utf8.count <= self.maximumByteCount { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: self.maximumByteCount)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
