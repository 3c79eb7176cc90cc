/// Reads settings from names and texts, and says what is allowed when one cannot be used.
///
/// Pure: it is given the texts. Numbers are read digit by digit, as `Int("+1")` is 1 in Swift.
struct SettingsReader {
    private let values: [String: String]

    init(_ values: [String: String]) {
        self.values = values
    }

    /// The text of a setting; `nil` when it is not set.
    func text(_ name: String) -> String? { self.values[name] }

    /// A text that must not be empty.
    func nonEmpty(_ name: String, _ fallback: String) throws(ConfigurationError) -> String {
        guard let text = self.values[name] else { return fallback }
        if text.isEmpty { throw self.unusable(name, text, "a text that is not empty") }
        return text
    }

    /// A text; `nil` when it is not set or empty.
    func optionalText(_ name: String) throws(ConfigurationError) -> String? {
        guard let text = self.values[name], !text.isEmpty, text.lowercased() != "none" else { return nil }
        guard !text.utf8.contains(0) else { throw self.unusable(name, text, "a text without zero bytes") }
        return text
    }

    /// Permission bits, in octal digits.
    func mode(_ name: String, _ fallback: UInt32) throws(ConfigurationError) -> UInt32 {
        guard let text = self.values[name] else { return fallback }
        guard (3...4).contains(text.utf8.count), text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }),
            let mode = UInt32(text, radix: 8), mode <= 0o777
        else { throw self.unusable(name, text, "permissions in octal digits, like 0660") }
        return mode
    }

    /// `true`, `false`, and the like.
    func flag(_ name: String, _ fallback: Bool) throws(ConfigurationError) -> Bool {
        guard let text = self.values[name] else { return fallback }
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw self.unusable(name, text, "true or false")
        }
    }

    /// A whole number within limits.
    func number(_ name: String, _ fallback: Int, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        guard let text = self.values[name] else { return fallback }
        guard let number = Self.digits(text), range.contains(number) else {
            throw self.unusable(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A whole number within limits, or `none`.
    func optionalNumber(_ name: String, _ fallback: Int?, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let text = self.values[name] else { return fallback }
        if text.lowercased() == "none" { return nil }
        guard let number = Self.digits(text), range.contains(number) else {
            throw self.unusable(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound), or none")
        }
        return number
    }

    /// Seconds, with a decimal fraction if need be; `none` where the setting may be switched off.
    func seconds(_ name: String, _ fallback: Duration?, canBeNone: Bool = true) throws(ConfigurationError) -> Duration? {
        guard let text = self.values[name] else { return fallback }
        if canBeNone && text.lowercased() == "none" { return nil }
        guard let duration = Self.duration(text) else {
            throw self.unusable(name, text, canBeNone ? "seconds, such as 1 or 0.5, or none" : "seconds, such as 1 or 0.5")
        }
        return duration
    }

    /// A list separated by commas; empty text and `none` are the empty list.
    func list(_ name: String, _ fallback: [String]) -> [String] {
        guard let text = self.values[name] else { return fallback }
        if text.isEmpty || text.lowercased() == "none" { return [] }
        return text.utf8.split(separator: UInt8(ascii: ",")).map { item in
            let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            var trimmed = item.drop(while: isBlank)
            while let last = trimmed.last, isBlank(last) { trimmed = trimmed.dropLast() }
            return String(decoding: Array(trimmed), as: UTF8.self)
        }
    }

    /// One of the names of an enumeration.
    func choice<Value: RawRepresentable<String> & CaseIterable>(_ name: String, _ fallback: Value) throws(ConfigurationError) -> Value {
        guard let text = self.values[name] else { return fallback }
        guard let value = Value.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            throw self.unusable(name, text, "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    /// The error for a value that cannot be used.
    func unusable(_ name: String, _ text: String, _ allowed: String) -> ConfigurationError {
        let shown = String(decoding: text.utf8.prefix(100).map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        return ConfigurationError(setting: name, problem: "'\(shown)' cannot be used; allowed is \(allowed)")
    }

    private static func digits(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 15, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            return nil
        }
        return text.utf8.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    private static func duration(_ text: String) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Self.digits($0) }) else { return nil }
        guard parts.count == 2 else { return .seconds(whole) }
        guard let fraction = Self.digits(parts[1]), parts[1].utf8.count <= 9 else { return nil }
        let scale = (parts[1].utf8.count..<9).reduce(1) { factor, _ in factor * 10 }
        return .seconds(whole) + .nanoseconds(fraction * scale)
    }
}
