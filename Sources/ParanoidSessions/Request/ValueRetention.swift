/// What a login takes over of the values that the session held before it.
public struct ValueRetention: Sendable, Hashable {
    /// The names of the values that stay; `nil`: all.
    let names: Set<[UInt8]>?

    /// All values.
    public static let all = Self(names: nil)
    /// None.
    public static let none = Self(names: [])

    /// Those of some names (``SessionKey/name``).
    public static func only(_ names: String...) -> Self {
        Self(names: Set(names.map { Array($0.utf8) }))
    }
}
