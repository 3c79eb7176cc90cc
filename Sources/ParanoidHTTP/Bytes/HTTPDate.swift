/// A second on the wall clock, as header fields need it.
package struct HTTPDate: Sendable, Hashable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds excluded.
    package let secondsSinceUnixEpoch: Int64

    /// The last second of the year 9999; the form has four digits for the year.
    private static let latest: Int64 = 253_402_300_799

    /// Creates a date; what lies outside the years 1970 to 9999 becomes the nearest end.
    package init(secondsSinceUnixEpoch: Int64) {
        self.secondsSinceUnixEpoch = min(max(secondsSinceUnixEpoch, 0), Self.latest)
    }

    /// The date that many seconds later.
    package func advanced(bySeconds seconds: Int64) -> HTTPDate {
        let (sum, isOver) = self.secondsSinceUnixEpoch.addingReportingOverflow(seconds)
        return HTTPDate(secondsSinceUnixEpoch: isOver ? (seconds < 0 ? 0 : Self.latest) : sum)
    }

    /// Whether `lhs` is earlier.
    package static func < (lhs: HTTPDate, rhs: HTTPDate) -> Bool {
        lhs.secondsSinceUnixEpoch < rhs.secondsSinceUnixEpoch
    }

    /// The fixed-length form, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    package var text: String {
        var text: [UInt8] = []
        text.reserveCapacity(29)
        self.append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends ``text``.
    package func append(to text: inout [UInt8]) {
        let weekday = Int((self.secondsSinceUnixEpoch / 86_400 + 4) % 7)
        text.append(contentsOf: Self.weekdays[3 * weekday..<3 * weekday + 3])
        text.append(UInt8(ascii: ","))
        text.append(UInt8(ascii: " "))
        self.append(between: UInt8(ascii: " "), beforeTime: UInt8(ascii: " "), to: &text)
        text.append(contentsOf: Self.zone)
    }

    /// Appends the form of the common log format, such as `06/Nov/1994:08:49:37 +0000`.
    package func appendCommonLog(to text: inout [UInt8]) {
        self.append(between: UInt8(ascii: "/"), beforeTime: UInt8(ascii: ":"), to: &text)
        text.append(contentsOf: " +0000".utf8)
    }

    /// Appends day, name of the month and year with a separator between them, and the time behind another one.
    private func append(between separator: UInt8, beforeTime: UInt8, to text: inout [UInt8]) {
        let second = self.secondsSinceUnixEpoch % 86_400
        let (year, month, day) = Self.civil(self.secondsSinceUnixEpoch / 86_400)
        Self.append(day, after: nil, to: &text)
        text.append(separator)
        text.append(contentsOf: Self.months[3 * Int(month - 1)..<3 * Int(month)])
        Self.append(year / 100, after: separator, to: &text)
        Self.append(year % 100, after: nil, to: &text)
        Self.append(second / 3600, after: beforeTime, to: &text)
        Self.append(second / 60 % 60, after: UInt8(ascii: ":"), to: &text)
        Self.append(second % 60, after: UInt8(ascii: ":"), to: &text)
    }

    private static func append(_ number: Int64, after separator: UInt8?, to text: inout [UInt8]) {
        if let separator { text.append(separator) }
        text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10))
        text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    /// The form of logs, such as `1994-11-06T08:49:37Z` (RFC 3339).
    package var timestamp: String {
        let (year, month, day) = Self.civil(self.secondsSinceUnixEpoch / 86_400)
        return "\(Self.digits(year, 4))-\(Self.digits(month))-\(Self.digits(day))T\(self.timeOfDay)Z"
    }

    private var timeOfDay: String {
        let second = self.secondsSinceUnixEpoch % 86_400
        return "\(Self.digits(second / 3600)):\(Self.digits(second / 60 % 60)):\(Self.digits(second % 60))"
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // Civil date from days: years counted from March, in eras of 400 years.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static let weekdays = Array("SunMonTueWedThuFriSat".utf8)
    private static let months = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)
    private static let zone = Array(" GMT".utf8)

    private static func digits(_ number: Int64, _ width: Int = 2) -> String {
        var text: [UInt8] = []
        Decimal.append(Int(number), width: width, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
