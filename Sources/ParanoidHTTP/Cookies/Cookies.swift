/// The cookies that a client presented, in the order of the `Cookie` field (RFC 6265bis, section 5.8.3).
///
/// Names are compared byte by byte: `__host-id` and `__%48ost-id` are other cookies than `__Host-id`. A name can repeat, and the order does not
/// tell which of the values this application has set.
package struct Cookies: Sendable {
    private var bytes: [UInt8] = []
    private var pieces: [CookieParser.Piece] = []

    /// Whether the field was over a limit and therefore not read; there are no cookies then.
    package private(set) var isRefused = false

    /// Creates an empty list.
    package init() {}

    /// Reads the bytes of a `Cookie` field.
    package init(parsing field: RawSpan) {
        guard field.byteCount <= CookieParser.maximumLength else {
            self.isRefused = true
            return
        }
        let bytes = field.copied()
        guard let pieces = CookieParser.parse(bytes.span) else {
            self.isRefused = true
            return
        }
        self.bytes = bytes
        self.pieces = pieces
    }

    /// The first value of a name as text; `nil` when no cookie has the name, or the value is not UTF-8.
    package subscript(_ name: String) -> String? {
        guard let piece = self.pieces.first(where: { self.isNamed($0, name) }) else { return nil }
        return String(validating: self.bytes[piece.value], as: UTF8.self)
    }

    /// The bytes of all values of a name, in the order of the field.
    package func all(_ name: String) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for piece in self.pieces where self.isNamed(piece, name) { values.append(Array(self.bytes[piece.value])) }
        return values
    }

    /// Whether there is a cookie of that name.
    package func contains(_ name: String) -> Bool {
        self.pieces.contains { self.isNamed($0, name) }
    }

    /// All cookies in the order of the field.
    package var all: [Cookie] {
        self.pieces.map { Cookie(name: Array(self.bytes[$0.name]), value: Array(self.bytes[$0.value])) }
    }

    /// Whether there is no cookie.
    package var isEmpty: Bool { self.pieces.isEmpty }
    /// The number of cookies.
    package var count: Int { self.pieces.count }

    private func isNamed(_ piece: CookieParser.Piece, _ name: String) -> Bool {
        name.utf8.count == piece.name.count && self.bytes[piece.name].elementsEqual(name.utf8)
    }
}

extension Cookies: CustomStringConvertible {
    /// The number of cookies, without their values, which are secrets.
    package var description: String { "Cookies(\(self.count), redacted)" }
}

/// One cookie that a client presented.
package struct Cookie: Sendable, Hashable {
    /// The bytes of the name.
    package let name: [UInt8]
    /// The bytes of the value; it can be empty.
    package let value: [UInt8]
}

extension Cookie: CustomStringConvertible {
    /// The name without the value, which is a secret.
    package var description: String {
        "Cookie(\(String(decoding: self.name, as: UTF8.self)), redacted)"
    }
}
