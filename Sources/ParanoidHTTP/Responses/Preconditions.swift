/// An entity tag (RFC 9110, section 8.8.3).
///
/// Pure.
package struct EntityTag: Sendable, Hashable {
    /// The text between the quotes.
    package let opaque: [UInt8]
    /// Whether it tells equal meaning only, not equal bytes.
    package let isWeak: Bool

    /// Creates a tag.
    package init(_ opaque: [UInt8], isWeak: Bool = false) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// Reads a tag with its quotes; `nil` when it is none.
    package init?(parsing text: some Collection<UInt8>) {
        var text = Array(text)
        let isWeak = text.starts(with: "W/".utf8)
        if isWeak { text.removeFirst(2) }
        guard text.count >= 2, text.first == UInt8(ascii: "\""), text.last == UInt8(ascii: "\"") else { return nil }
        let opaque = text.dropFirst().dropLast()
        guard opaque.allSatisfy({ $0 == 0x21 || (0x23...0x7E).contains($0) || $0 >= 0x80 }) else { return nil }
        self.init(Array(opaque), isWeak: isWeak)
    }

    /// Whether both stand for the same bytes (RFC 9110, section 8.8.3.2).
    package func isStronglyEqual(to other: EntityTag) -> Bool { !self.isWeak && !other.isWeak && self.opaque == other.opaque }

    /// The tags of an `If-Match` or `If-None-Match` field; `nil` for `*`.
    ///
    /// What is no tag is left out.
    static func list(_ field: [UInt8]) -> [EntityTag]? {
        let text = field.filter { $0 != 0x20 && $0 != 0x09 }
        if text == [UInt8(ascii: "*")] { return nil }
        // A comma can stand within the quotes of a tag.
        var tags: [EntityTag] = []
        var start = 0
        var isQuoted = false
        for index in 0...field.count {
            if index < field.count, field[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
            guard index == field.count || (field[index] == UInt8(ascii: ",") && !isQuoted) else { continue }
            let part = field[start..<index].drop { $0 == 0x20 || $0 == 0x09 }.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed()
            if let tag = EntityTag(parsing: Array(part)) { tags.append(tag) }
            start = index + 1
        }
        return tags
    }
}

/// The conditions under which a client wants a request to be carried out (RFC 9110, section 13).
///
/// Pure.
package struct Preconditions: Sendable {
    /// What becomes of the request.
    package enum Outcome: Sendable, Hashable {
        case proceed
        /// 304: the client has it.
        case notModified
        /// 412: it is another one by now.
        case failed
    }

    /// The values of the fields; `nil` for those that are not there.
    package var ifMatch: [UInt8]?
    /// As the client has sent it.
    package var ifNoneMatch: [UInt8]?
    /// As the client has sent it.
    package var ifModifiedSince: [UInt8]?
    /// As the client has sent it.
    package var ifUnmodifiedSince: [UInt8]?
    /// As the client has sent it.
    package var ifRange: [UInt8]?

    /// Creates conditions that hold.
    package init() {}

    /// Decides in the order of RFC 9110, section 13.2.2.
    ///
    /// - Parameters:
    ///   - isReading: Whether the method is GET or HEAD.
    ///   - exists: Whether there is a representation at all.
    ///   - tag: Its entity tag, if it has one.
    ///   - modified: When it was last changed, if that is known.
    package func evaluate(isReading: Bool, exists: Bool = true, tag: EntityTag?, modified: HTTPDate?) -> Outcome {
        if let field = self.ifMatch {
            let holds =
                EntityTag.list(field).map { tags in tag.map { tag in tags.contains { $0.isStronglyEqual(to: tag) } } ?? false } ?? exists
            if !holds { return .failed }
        } else if let field = self.ifUnmodifiedSince, let date = HTTPDate(parsing: field) {
            if let modified, modified > date { return .failed }
        }
        if let field = self.ifNoneMatch {
            let matches =
                EntityTag.list(field).map { tags in tag.map { tag in tags.contains { $0.opaque == tag.opaque } } ?? false } ?? exists
            if matches { return isReading ? .notModified : .failed }
        } else if isReading, let field = self.ifModifiedSince, let date = HTTPDate(parsing: field), let modified, modified <= date {
            return .notModified
        }
        return .proceed
    }

    /// Whether a `Range` field counts (RFC 9110, section 13.1.5): the client's part is of these bytes.
    package func admitsRange(tag: EntityTag?, modified: HTTPDate?) -> Bool {
        guard let field = self.ifRange else { return true }
        if let wanted = EntityTag(parsing: field) { return tag.map { $0.isStronglyEqual(to: wanted) } ?? false }
        // A date has to be the very one, and only a strong tag beside it says that no second change fell into its second.
        guard let date = HTTPDate(parsing: field), let modified, let tag else { return false }
        return date == modified && !tag.isWeak
    }
}

extension HTTPDate {
    private static let monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// Reads any of the three forms (RFC 9110, section 5.6.7); `nil` for another text.
    package init?(parsing bytes: [UInt8]) {
        guard bytes.count <= 40 else { return nil }
        let words = bytes.split { $0 == 0x20 || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "-") }.map { Array($0) }
        let day: [UInt8]
        let month: [UInt8]
        let year: [UInt8]
        let time: [UInt8]
        switch words.count {
        case 6 where words[5] == Array("GMT".utf8): (day, month, year, time) = (words[1], words[2], words[3], words[4])
        case 5: (day, month, year, time) = (words[2], words[1], words[4], words[3])
        default: return nil
        }
        guard let index = Self.monthNames.firstIndex(of: String(decoding: month, as: UTF8.self).lowercased()),
            let day = Decimal.number(day),
            var number = Decimal.number(year), 1...31 ~= day
        else { return nil }
        // Two digits of a year stand for the nearest past one, which has been this century for a while.
        if year.count == 2 { number += number >= 70 ? 1900 : 2000 }
        let clock = time.split(separator: UInt8(ascii: ":")).map { Decimal.number($0) }
        guard 1970...9999 ~= number, clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2], hour < 24,
            minute < 60,
            second <= 60
        else { return nil }
        let shifted = index >= 2 ? number : number - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (index >= 2 ? index - 2 : index + 10) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        self.init(secondsSinceUnixEpoch: Int64(days * 86_400 + hour * 3600 + minute * 60 + second))
    }
}
