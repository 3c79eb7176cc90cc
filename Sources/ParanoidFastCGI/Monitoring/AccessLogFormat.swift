internal import ParanoidHTTP

/// The form of the lines of the access log: JSON, or a template in the syntax of Apache's `LogFormat`.
package enum AccessLogFormat: Sendable, Hashable {
    /// One object a line, with numbers as numbers.
    case json
    /// Texts and what is put in between.
    case template([Item])

    /// A part of a template.
    package enum Item: Sendable, Hashable {
        case text(String)
        case client, nothing, time, requestLine, status, bytes, bytesOrDash, microseconds, seconds, method, path, query
        case field(String)
        case own(Own)
    }

    /// What Apache does not know: `%{NAME}x`.
    package enum Own: Sendable, Hashable {
        case identifier, route, verdict, reason, session
        case phase(RequestTrace.Phase)

        init?(_ name: String) {
            switch name {
            case "id": self = .identifier
            case "route": self = .route
            case "verdict": self = .verdict
            case "reason": self = .reason
            case "session": self = .session
            default:
                guard let phase = RequestTrace.Phase.allCases.first(where: { "\($0)" == name }) else { return nil }
                self = .phase(phase)
            }
        }
    }

    /// Apache's combined format.
    static let combined = #"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i""#

    /// Parses `json`, `combined` or a template; `nil` for a template with a directive that is not known.
    package init?(_ text: String) {
        if text == "json" {
            self = .json
            return
        }
        guard let items = Self.items(of: text == "combined" ? Self.combined : text) else { return nil }
        self = .template(items)
    }

    /// The header fields that lines hold.
    var fieldNames: [String] {
        guard case .template(let items) = self else { return [] }
        return items.compactMap { if case .field(let name) = $0 { name } else { nil } }
    }

    private static func items(of template: String) -> [Item]? {
        guard template.utf8.contains(UInt8(ascii: "%")) else { return nil }
        var items: [Item] = []
        var text = ""
        var rest = Substring(template)
        while let character = rest.popFirst() {
            guard character == "%" else {
                guard character.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value < 0x7F }) else { return nil }
                text.append(character)
                continue
            }
            if rest.first == ">" || rest.first == "<" { rest.removeFirst() }
            var name: String?
            if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { return nil }
                name = String(rest[rest.index(after: rest.startIndex)..<end])
                rest = rest[rest.index(after: end)...]
            }
            guard let directive = rest.popFirst() else { return nil }
            if directive == "%", name == nil {
                text.append("%")
                continue
            }
            guard let item = Self.item(directive, name) else { return nil }
            if !text.isEmpty { items.append(.text(text)) }
            text = ""
            items.append(item)
        }
        if !text.isEmpty { items.append(.text(text)) }
        return items
    }

    private static func item(_ directive: Character, _ name: String?) -> Item? {
        switch (directive, name) {
        case ("h", nil), ("a", nil): .client
        case ("l", nil), ("u", nil): .nothing
        case ("t", nil): .time
        case ("r", nil): .requestLine
        case ("s", nil): .status
        case ("b", nil): .bytesOrDash
        case ("B", nil): .bytes
        case ("D", nil): .microseconds
        case ("T", nil): .seconds
        case ("m", nil): .method
        case ("U", nil): .path
        case ("q", nil): .query
        case ("L", nil): .own(.identifier)
        case ("i", let name?): name.isEmpty ? nil : .field(name)
        case ("x", let name?): Own(name).map { .own($0) }
        default: nil
        }
    }
}
