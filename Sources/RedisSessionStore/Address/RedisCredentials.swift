#if Redis
/// Who the application is for a Redis: a user of its access list, and the password.
package struct RedisCredentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The user; `nil`: the server's `default`, as before Redis 6.
    let user: String?
    private let secret: [UInt8]

    /// Parses what stands before the `@` of an address.
    init(userinfo text: ArraySlice<UInt8>) throws(RedisAddressError) {
        let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let user = Self.unescaped(parts[0]), let password = Self.unescapedBytes(parts[1]), !password.isEmpty else {
            throw .badCredentials
        }
        self.user = user.isEmpty ? nil : user
        self.secret = password
    }

    /// The words of the command that presents them.
    var command: [[UInt8]] {
        [Array("AUTH".utf8)] + (self.user.map { [Array($0.utf8)] } ?? []) + [self.secret]
    }

    /// The user without the password.
    package var description: String { "\(self.user ?? "default"):***" }
    /// The same.
    package var debugDescription: String { self.description }

    /// Whether they are the same; takes as long for one wrong byte as for many.
    package static func == (left: Self, right: Self) -> Bool {
        guard left.user == right.user, left.secret.count == right.secret.count else { return false }
        return zip(left.secret, right.secret).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }

    // MARK: Percent

    static func unescaped(_ text: ArraySlice<UInt8>) -> String? {
        guard let bytes = self.unescapedBytes(text), !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func unescapedBytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.digit), let low = rest.popFirst().flatMap(Self.digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
#endif
