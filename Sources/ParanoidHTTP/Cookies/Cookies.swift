/// The cookies that a client presented, in the order of the field.
///
/// Names are compared byte by byte: `__host-id`, `__%48ost-id` and look-alikes from all over Unicode are other cookies. A name can repeat, and
/// which of the values is ours cannot be told from the order; see ``all(_:)``.
public struct Cookies: RandomAccessCollection, Sendable {
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

    /// The first value of a name as text; `nil` when there is none or when it is not UTF-8.
    public subscript(_ name: String) -> String? {
        guard let piece = self.pieces.first(where: { self.isNamed($0, name) }) else { return nil }
        return String(validating: self.bytes[piece.value], as: UTF8.self)
    }

    /// The bytes of all values of a name, in the order of the field.
    public func all(_ name: String) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for piece in self.pieces where self.isNamed(piece, name) { values.append(Array(self.bytes[piece.value])) }
        return values
    }

    /// Whether there is a cookie of that name.
    public func contains(_ name: String) -> Bool {
        self.pieces.contains { self.isNamed($0, name) }
    }

    /// Zero.
    public var startIndex: Int { 0 }
    /// The number of cookies.
    public var endIndex: Int { self.pieces.count }
    /// The cookie at a position.
    public subscript(position: Int) -> Cookie {
        let piece = self.pieces[position]
        return Cookie(name: Array(self.bytes[piece.name]), value: Array(self.bytes[piece.value]))
    }

    private func isNamed(_ piece: CookieParser.Piece, _ name: String) -> Bool {
        name.utf8.count == piece.name.count && self.bytes[piece.name].elementsEqual(name.utf8)
    }
}

extension Cookies: CustomStringConvertible {
    /// The number alone: values of cookies are secrets.
    public var description: String { "Cookies(\(self.count), redacted)" }
}

/// One cookie that a client presented.
public struct Cookie: Sendable, Hashable {
    /// The bytes of the name.
    public let name: [UInt8]
    /// The bytes of the value; it can be empty.
    public let value: [UInt8]
}

extension Cookie: CustomStringConvertible {
    /// The name alone: values of cookies are secrets.
    public var description: String {
        "Cookie(\(String(decoding: self.name, as: UTF8.self)), redacted)"
    }
}
