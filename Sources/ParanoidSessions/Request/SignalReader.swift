internal import ParanoidHTTP

/// Reads of requests what the rules want noted; made once, asked for every request.
final class SignalReader: Sendable {
    private let rules: [SignalRule]
    private let network: @Sendable (String) -> [UInt8]
    private let wantsAddress: Bool
    private let parameters: [String]

    init(rules: [SignalRule], network: @escaping @Sendable (String) -> [UInt8]) {
        let rules = rules.filter { $0.policy != .off }
        self.rules = rules
        self.network = network
        self.wantsAddress = rules.contains { $0.name == SignalRule.address }
        self.parameters = rules.flatMap { Self.parameters(of: $0.name) }
    }

    private static func parameters(of name: String) -> [String] {
        switch name {
        case SignalRule.address: []
        case SignalRule.agent: ["HTTP_USER_AGENT"]
        case SignalRule.language: ["HTTP_ACCEPT_LANGUAGE"]
        case SignalRule.hints: ["HTTP_SEC_CH_UA_PLATFORM", "HTTP_SEC_CH_UA_MOBILE"]
        default: [name]
        }
    }

    /// The signals of a request.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - known: What the session's client has shown last: where nothing differs it is taken as it is.
    ///   - readings: What ``readings(of:)`` gives.
    func signals(
        of request: Request,
        known: ClientSignals?,
        readings: @escaping @Sendable () -> [ClientSignals.Reading]
    ) -> (signals: ClientSignals, areKnown: Bool) {
        if self.rules.isEmpty { return (.none, known != nil) }
        if let known, self.isSame(known.source, request) { return (ClientSignals(known, readings: readings), true) }
        return (ClientSignals(source: self.source(of: request), readings: readings), false)
    }

    /// What is noted of a request.
    func readings(of request: Request) -> [ClientSignals.Reading] {
        self.rules.map { self.reading(of: request, by: $0) }
    }

    private func source(of request: Request) -> [UInt8] {
        var source: [UInt8] = []
        source.reserveCapacity(256)
        unsafe self.forEachPart(of: request) { unsafe source.append(contentsOf: $0) }
        return source
    }

    private func isSame(_ known: [UInt8], _ request: Request) -> Bool {
        unsafe known.withUnsafeBytes { unsafe self.isSame($0, request) }
    }

    private func isSame(_ known: UnsafeRawBufferPointer, _ request: Request) -> Bool {
        var place = 0
        var isSame = true
        unsafe self.forEachPart(of: request) { part in
            guard isSame, known.count - place >= part.count else {
                isSame = false
                return
            }
            isSame = unsafe UnsafeRawBufferPointer(rebasing: known[place..<place + part.count]).hasSameBytes(as: part)
            place += part.count
        }
        return isSame && place == known.count
    }

    /// Gives the bytes of all signals, piece by piece.
    private func forEachPart(of request: Request, _ body: (UnsafeRawBufferPointer) -> Void) {
        // Nothing here holds a NUL, so it can end each part.
        let (end, presence): (UInt8, UInt8) = (0, 1)
        if self.wantsAddress {
            var address = request.clientAddress
            address.withUTF8 { unsafe body(UnsafeRawBufferPointer($0)) }
        }
        unsafe withUnsafeBytes(of: end) { unsafe body($0) }
        request.parameters.lend(all: self.parameters) { value in
            if let value {
                unsafe withUnsafeBytes(of: presence) { unsafe body($0) }
                unsafe value.withUnsafeBytes { unsafe body($0) }
            }
            unsafe withUnsafeBytes(of: end) { unsafe body($0) }
        }
    }

    private func reading(of request: Request, by rule: SignalRule) -> ClientSignals.Reading {
        let value =
            switch rule.name {
            case SignalRule.address: self.network(request.clientAddress)
            case SignalRule.agent: UserAgentFamily(request.parameters.bytes(of: "HTTP_USER_AGENT") ?? []).bytes
            default: ClientTraits(of: request, parameters: Self.parameters(of: rule.name)).framed
            }
        return ClientSignals.Reading(name: rule.name, value: value, policy: rule.policy)
    }
}

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
        for (mark, name) in marks where self.contains(field, mark) {
            return unsafe Array(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
        return []
    }

    private static func contains(_ field: ArraySlice<UInt8>, _ mark: StaticString) -> Bool {
        let mark = unsafe UnsafeBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)
        guard let first = unsafe mark.first, field.count >= mark.count else { return false }
        for start in field.startIndex...(field.endIndex - mark.count) where field[start] == first {
            if unsafe field[start..<start + mark.count].elementsEqual(mark) { return true }
        }
        return false
    }
}
