/// The names of values that this library keeps among the application's: they begin with a NUL.
enum ReservedKeys {
    /// The messages for the next page.
    static let flashes: [UInt8] = [0] + Array("flashes".utf8)

    /// Whether a name is one that the application can neither read nor write.
    static func contain(_ name: [UInt8]) -> Bool { name.first == 0 }
}
