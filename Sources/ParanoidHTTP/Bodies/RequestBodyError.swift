/// A body that was read in a way it cannot be; a mistake of the handler.
public struct RequestBodyError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case consumed = "the body was already read piece by piece"
        case concurrent = "the body is being read by another task"
    }

    private let kind: Kind

    /// The body was read piece by piece before, so it can no longer be collected or read again.
    public static let alreadyConsumed = Self(kind: .consumed)
    /// Another task is reading the body at this moment.
    public static let concurrentUse = Self(kind: .concurrent)

    /// The mistake in words.
    public var description: String { self.kind.rawValue }
}
