/// How surely a user has proved who it is; a higher level includes the lower ones.
///
/// An application may have levels of its own between and above these.
public struct AssuranceLevel: RawRepresentable, Sendable, Hashable, Comparable {
    /// The place of the level among the others.
    public var rawValue: UInt8

    /// Creates a level.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The browser was recognised, the person was not asked: never enough for what needs a fresh login.
    public static let remembered = Self(rawValue: 0)
    /// One factor, such as a password.
    public static let password = Self(rawValue: 10)
    /// A second factor beside it, such as a code from a device.
    public static let secondFactor = Self(rawValue: 20)
    /// A factor that a fake site cannot pass on, such as a passkey.
    public static let phishingResistant = Self(rawValue: 30)

    /// Whether one level is below another.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}
