/// How much an application may store in a session.
///
/// Checked when a value is set, not when the request commits: the handler that asks for too much is the one that hears of it.
public struct SessionValueLimits: Sendable, Hashable {
    /// The most bytes of one encoded value (`PARANOID_SESSION_VALUE_LIMIT`).
    public var valueByteCount = 64 * 1024
    /// The most bytes of all values of a session together, names included (`PARANOID_SESSION_LIMIT`).
    public var sessionByteCount = 240 * 1024
    /// How deeply arrays and objects of a value may be nested.
    public var depth = 64

    /// Creates the default limits.
    public init() {}

    func check(_ value: [UInt8]) throws(SessionError) {
        if value.count > self.valueByteCount { throw .valueTooLarge }
        if Self.depth(ofJSON: value) > self.depth { throw .valueTooDeep }
    }

    func check(total: Int) throws(SessionError) {
        if total > self.sessionByteCount { throw .sessionTooLarge }
    }

    /// The depth of encoded JSON: how many arrays and objects are open at once.
    static func depth(ofJSON bytes: [UInt8]) -> Int {
        var depth = 0
        var deepest = 0
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return deepest
    }
}
