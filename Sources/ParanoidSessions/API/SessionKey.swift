/// The name and type of one value an application keeps in a session.
///
/// Declare keys once, as static members, and the compiler checks every later use:
///
/// ```swift
/// extension SessionKey<Int> {
///     static var visits: Self { Self("visits") }
/// }
/// let visits = try await request.session.update(.visits, default: 0) { $0 += 1; return $0 }
/// ```
public struct SessionKey<Value: Codable & Sendable>: Sendable {
    /// The name under which the value is stored, unique within an application; compared byte for byte.
    package let name: String

    /// Creates a key.
    public init(_ name: String) {
        self.name = name
    }
}

/// The names of values that this library keeps among the application's: they begin with a NUL.
enum ReservedKeys {
    /// The messages for the next page.
    static let flashes: [UInt8] = [0] + Array("flashes".utf8)

    /// Whether a name is one that the application can neither read nor write.
    static func contain(_ name: [UInt8]) -> Bool { name.first == 0 }
}
