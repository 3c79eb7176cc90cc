/// The path of a request: as it came, and decoded once.
///
/// Decoding twice, or after cutting into segments, is how paths come to mean one thing to the web server's rules and another to the
/// application, so whatever could is refused: escapes that are none, NUL and other control bytes, text that is not UTF-8, and dot
/// segments (clients resolve them before they send; the web server has applied its rules to the resolved path, which is another one).
struct RequestPath: Sendable {
    /// The path as it came, with its escapes.
    let raw: String
    /// The decoded path; the raw one when it is refused.
    let text: String
    /// Whether the path can be used.
    let isValid: Bool

    init(_ raw: String) {
        self.raw = raw
        switch Self.check(raw.utf8.span) {
        case .plain:
            self.text = raw
            self.isValid = true
        case .refused:
            self.text = raw
            self.isValid = false
        case .encoded:
            let decoded = PercentEncoding.decode(raw.utf8.span).flatMap { String(validating: $0, as: UTF8.self) }
            self.text = decoded ?? raw
            self.isValid = decoded != nil
        }
    }

    private enum Verdict {
        case plain, encoded, refused
    }

    // A slash that came as %2F ends a segment here too: "a/..%2f..%2fb" climbs in a program that decodes the whole path first.
    private static func check(_ bytes: Span<UInt8>) -> Verdict {
        guard !bytes.isEmpty, bytes[0] == UInt8(ascii: "/") else { return .refused }
        var isPlain = true
        var length = 0
        var dots = 0
        var offset = 1
        while offset < bytes.count {
            var byte = bytes[offset]
            offset &+= 1
            if byte == UInt8(ascii: "%") {
                guard let escaped = PercentEncoding.escape(in: bytes, at: offset) else { return .refused }
                byte = escaped
                offset &+= 2
                isPlain = false
            } else if byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") || byte == UInt8(ascii: " ") {
                return .refused
            }
            if byte < 0x20 || byte == 0x7F { return .refused }
            if byte == UInt8(ascii: "/") {
                if length == dots, dots == 1 || dots == 2 { return .refused }
                length = 0
                dots = 0
            } else {
                length &+= 1
                if byte == UInt8(ascii: ".") { dots &+= 1 }
            }
        }
        if length == dots, dots == 1 || dots == 2 { return .refused }
        return isPlain ? .plain : .encoded
    }
}
