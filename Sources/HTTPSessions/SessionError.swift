/// A use of a session that cannot work.
public struct SessionError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case reservedKey = "the guard's own data cannot be read or written by the application"
        case responseSent = "a session cannot begin, end or change its identifier once the response is on its way"
        case notANumberOfSeconds = "a lifetime is a number of seconds from 0 to 2^31-1"
    }

    private let kind: Kind

    /// The key is the one the guard keeps its own data under.
    public static let reservedKey = Self(kind: .reservedKey)
    /// The response is on its way, so no cookie can be set any more.
    public static let responseSent = Self(kind: .responseSent)
    /// The lifetime is not usable.
    public static let invalidLifetime = Self(kind: .notANumberOfSeconds)

    /// What cannot work.
    public var description: String { self.kind.rawValue }
}
