/// A message for the page that the user sees next.
///
/// It is text; escape it before it goes into HTML.
public struct FlashMessage: Sendable, Hashable, Codable {
    /// What kind of message it is; an application may have kinds of its own.
    public struct Kind: RawRepresentable, Sendable, Hashable, Codable {
        /// The name of the kind.
        public var rawValue: String

        /// Creates a kind.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Something to know.
        public static let information = Self(rawValue: "information")
        /// Something went well.
        public static let success = Self(rawValue: "success")
        /// Something went wrong.
        public static let failure = Self(rawValue: "failure")
    }

    /// What kind of message it is.
    public var kind: Kind
    /// What the user is to read.
    public var text: String

    /// Creates a message.
    public init(_ text: String, kind: Kind = .information) {
        self.kind = kind
        self.text = text
    }
}
