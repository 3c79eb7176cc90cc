/// Which browser on which platform a `User-Agent` field names, without versions, which change while a session lives (RFC 9110 section 10.1.5).
struct UserAgentFamily: Sendable, Hashable {
    /// Marks of browsers; a browser names those it descends from as well, so the later ones in history come first.
    private static let families: [(mark: StaticString, name: StaticString)] = [
        ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung"), ("YaBrowser/", "Yandex"), ("Vivaldi/", "Vivaldi"),
        ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Chromium/", "Chrome"),
        ("Safari/", "Safari"),
    ]
    private static let platforms: [(mark: StaticString, name: StaticString)] = [
        ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("iPod", "iOS"), ("Windows", "Windows"), ("Macintosh", "macOS"),
        ("CrOS", "ChromeOS"), ("Linux", "Linux"), ("X11", "Unix"),
    ]
    /// More of the field is not looked at.
    private static let maximumLength = 512

    let family: [UInt8]
    let platform: [UInt8]

    /// Reads a field; a client that is no browser counts by the name of its first product.
    init(_ field: [UInt8]) {
        let field = field.prefix(Self.maximumLength)
        let family = Self.first(of: Self.families, in: field)
        self.family = family.isEmpty ? Array(field.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: " ") }) : family
        self.platform = Self.first(of: Self.platforms, in: field)
    }

    /// Both as one byte string; no name holds a line end.
    var bytes: [UInt8] { self.family + [UInt8(ascii: "\n")] + self.platform }

    private static func first(of marks: [(mark: StaticString, name: StaticString)], in field: ArraySlice<UInt8>) -> [UInt8] {
        for (mark, name) in marks where self.contains(field, Array(mark.description.utf8)) { return Array(name.description.utf8) }
        return []
    }

    private static func contains(_ field: ArraySlice<UInt8>, _ mark: [UInt8]) -> Bool {
        guard let first = mark.first, field.count >= mark.count else { return false }
        for start in field.startIndex...(field.endIndex - mark.count) where field[start] == first {
            if field[start..<start + mark.count].elementsEqual(mark) { return true }
        }
        return false
    }
}
