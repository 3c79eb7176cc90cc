internal import ParanoidHTTP

/// The type of a setting: which texts it takes, and how its values read.
///
/// Pure. Numbers are read digit by digit, because `Int("+1")` is 1 in Swift.
struct SettingKind<Value>: Sendable {
    /// The texts that are taken, with their unit and range, as the end of a sentence: "allowed is …".
    let allowed: String
    /// The value of a text; `nil` for a text that is not allowed.
    let parse: @Sendable (String) -> Value?
    /// The text of a value, which ``parse`` reads as the same value.
    let format: @Sendable (Value) -> String

    init(_ allowed: String, parse: @escaping @Sendable (String) -> Value?, format: @escaping @Sendable (Value) -> String) {
        self.allowed = allowed
        self.parse = parse
        self.format = format
    }

    /// The same texts, and `none` for no value.
    var orNone: SettingKind<Value?> {
        SettingKind<Value?>(
            self.allowed + ", or none",
            parse: { text in
                if text.lowercased() == "none" { return .some(nil) }
                return self.parse(text).map { .some($0) }
            },
            format: { $0.map(self.format) ?? "none" }
        )
    }
}

// MARK: Texts

extension SettingKind<String> {
    /// A text that is not empty.
    static func text(_ allowed: String = "a text that is not empty") -> Self {
        Self(allowed, parse: { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 }, format: { $0 })
    }
}

extension SettingKind<String?> {
    /// A text; the empty text and `none` are no value.
    static func optionalText(_ allowed: String) -> Self {
        Self(
            allowed + ", or none",
            parse: { text in
                if text.utf8.contains(0) { return nil }
                return .some(text.isEmpty || text.lowercased() == "none" ? nil : text)
            },
            format: { $0 ?? "none" }
        )
    }
}

extension SettingKind<[String]> {
    /// A list separated by commas; the empty text and `none` are the empty list.
    static func list(_ allowed: String, where isAllowed: @escaping @Sendable (String) -> Bool = { _ in true }) -> Self {
        Self(
            allowed + ", separated by commas, or none",
            parse: { text in
                let items = SettingText.items(of: text)
                return items.allSatisfy(isAllowed) ? items : nil
            },
            format: { $0.isEmpty ? "none" : $0.joined(separator: ",") }
        )
    }
}

extension SettingKind where Value: RawRepresentable<String> & CaseIterable & Sendable {
    /// One of the names of an enumeration, in upper or lower case.
    static func choice(_ allowed: String? = nil) -> Self {
        Self(
            allowed ?? "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { text in Value.allCases.first { $0.rawValue.lowercased() == text.lowercased() } },
            format: { $0.rawValue }
        )
    }
}

extension SettingKind<Bool> {
    /// `true`, `false`, and the usual other words for them.
    static var flag: Self {
        Self(
            "true or false",
            parse: { text in
                switch text.lowercased() {
                case "true", "yes", "on", "1": true
                case "false", "no", "off", "0": false
                default: nil
                }
            },
            format: { "\($0)" }
        )
    }
}

// MARK: Numbers

extension SettingKind<Int> {
    /// A whole number within limits.
    static func number(_ range: ClosedRange<Int>, _ unit: String = "a whole number") -> Self {
        Self(
            "\(unit) from \(range.lowerBound) to \(range.upperBound)",
            parse: { text in SettingText.digits(text).flatMap { range.contains($0) ? $0 : nil } },
            format: { "\($0)" }
        )
    }
}

extension SettingKind<UInt32> {
    /// Permission bits in octal digits.
    static var mode: Self {
        Self(
            "permissions in octal digits, like 0660",
            parse: { text in
                guard (3...4).contains(text.utf8.count), text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }),
                    let mode = UInt32(text, radix: 8), mode <= 0o777
                else { return nil }
                return mode
            },
            format: { mode in
                let digits = String(mode, radix: 8)
                return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
            }
        )
    }
}

extension SettingKind<Duration> {
    /// Seconds, with a decimal fraction if need be.
    ///
    /// - Parameters:
    ///   - shortest: Shorter times are not allowed.
    ///   - isAboveZero: Whether zero is not allowed.
    static func seconds(from shortest: Duration = .zero, isAboveZero: Bool = false) -> Self {
        var allowed = "seconds, such as 1 or 0.5"
        if isAboveZero { allowed = "seconds above 0" }
        if shortest > .zero { allowed = "seconds from \(SettingText.seconds(shortest))" }
        return Self(
            allowed,
            parse: { text in
                guard let time = SettingText.duration(text), time >= shortest, !isAboveZero || time > .zero else { return nil }
                return time
            },
            format: SettingText.seconds
        )
    }

    /// Whole seconds within limits.
    static func wholeSeconds(_ range: ClosedRange<Int>) -> Self {
        let number = SettingKind<Int>.number(range, "whole seconds")
        return Self(
            number.allowed,
            parse: { text in number.parse(text).map { .seconds($0) } },
            format: SettingText.seconds
        )
    }
}

// MARK: Bytes

/// How the texts of settings are read and written.
enum SettingText {
    /// The items of a list separated by commas, without blanks around them.
    static func items(of text: String) -> [String] {
        if text.isEmpty || text.lowercased() == "none" { return [] }
        return text.utf8.split(separator: UInt8(ascii: ",")).map { item in
            let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            var trimmed = item.drop(while: isBlank)
            while let last = trimmed.last, isBlank(last) { trimmed = trimmed.dropLast() }
            return String(decoding: Array(trimmed), as: UTF8.self)
        }
    }

    /// The number that 1 to 15 decimal digits stand for.
    static func digits(_ text: some StringProtocol) -> Int? {
        text.utf8.count <= 15 ? Decimal.number(text.utf8) : nil
    }

    /// A time in seconds with up to nine decimals.
    static func duration(_ text: String) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Self.digits($0) }) else { return nil }
        guard parts.count == 2 else { return .seconds(whole) }
        guard let fraction = Self.digits(parts[1]), parts[1].utf8.count <= 9 else { return nil }
        let scale = (parts[1].utf8.count..<9).reduce(1) { factor, _ in factor * 10 }
        return .seconds(whole) + .nanoseconds(fraction * scale)
    }

    /// The text of a time, in seconds; what is shorter than a nanosecond is left out.
    static func seconds(_ time: Duration) -> String {
        let (whole, parts) = time.components
        if parts == 0 { return "\(whole)" }
        if time < .zero { return "-" + Self.seconds(.zero - time) }
        var digits = "\(1_000_000_000 + parts / 1_000_000_000)".dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return digits.isEmpty ? "\(whole)" : "\(whole).\(digits)"
    }

    /// Whether a text is the name of a request parameter such as `HTTP_USER_AGENT`.
    static func isParameterName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "_")
            }
    }

    /// The beginning of a text that somebody else wrote, fit for a line on a terminal.
    static func printable(_ text: String) -> String {
        String(decoding: text.utf8.prefix(100).map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
