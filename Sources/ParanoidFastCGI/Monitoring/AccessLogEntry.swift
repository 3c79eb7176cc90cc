internal import ParanoidHTTP

/// The lines of the access log; pure.
///
/// Lines are made of bytes in a buffer that is used again, as an access log is written for each request.
enum AccessLogEntry {
    /// The line of one request, with its end.
    static func line(_ facts: RequestTrace.Facts, total: Int64, endedAt: Int64, _ format: AccessLogFormat) -> [UInt8] {
        var line: [UInt8] = []
        var dates = AccessLogDates()
        self.append(facts, total: total, endedAt: endedAt, format, dates: &dates, to: &line)
        return line
    }

    /// Appends the line with its end.
    ///
    /// - Parameters:
    ///   - total: Nanoseconds from the first byte of the request to the end of the response.
    ///   - endedAt: Nanoseconds since the epoch.
    static func append(
        _ facts: RequestTrace.Facts,
        total: Int64,
        endedAt: Int64,
        _ format: AccessLogFormat,
        dates: inout AccessLogDates,
        to line: inout [UInt8]
    ) {
        dates.set((endedAt - total) / 1_000_000_000)
        switch format {
        case .json: self.appendJSON(facts, total, dates, to: &line)
        case .template(let items): self.append(items, facts, total, dates, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
    }

    // MARK: JSON

    /// What stands between the values of a line, made once.
    private enum Key {
        static let time = Array("{\"time\":\"".utf8)
        static let id = Array("\",\"id\":".utf8)
        static let client = Array(",\"client\":".utf8)
        static let method = Array(",\"method\":".utf8)
        static let path = Array(",\"path\":".utf8)
        static let route = Array(",\"route\":".utf8)
        static let status = Array(",\"status\":".utf8)
        static let bytes = Array(",\"bytes\":".utf8)
        static let total = Array(",\"microseconds\":".utf8)
        static let phases = RequestTrace.Phase.allCases.map { Array(",\"\($0)_microseconds\":".utf8) }
        static let verdict = Array(",\"verdict\":".utf8)
        static let reason = Array(",\"reason\":".utf8)
        static let session = Array(",\"session\":".utf8)
        static let null = Array("null".utf8)
    }

    private static func appendJSON(
        _ facts: RequestTrace.Facts,
        _ total: Int64,
        _ dates: AccessLogDates,
        to line: inout [UInt8]
    ) {
        line += Key.time
        line += dates.timestamp
        line += Key.id
        JSONText.append(facts.identifier, to: &line)
        line += Key.client
        JSONText.append(facts.client, to: &line)
        line += Key.method
        JSONText.append(facts.method, to: &line)
        line += Key.path
        JSONText.append(facts.path, to: &line)
        line += Key.route
        if let route = facts.route { JSONText.append(route, to: &line) } else { line += Key.null }
        line += Key.status
        self.append(facts.status, to: &line)
        line += Key.bytes
        if let count = facts.bodyByteCount { self.append(count, to: &line) } else { line += Key.null }
        line += Key.total
        self.append(Int(total / 1000), to: &line)
        for phase in RequestTrace.Phase.all {
            line += Key.phases[phase.rawValue]
            self.append(Int(facts[phase] / 1000), to: &line)
        }
        line += Key.verdict
        self.appendOrNull(facts.verdict, to: &line)
        line += Key.reason
        self.appendOrNull(facts.reason, to: &line)
        line += Key.session
        if let number = facts.sessionNumber {
            line.append(UInt8(ascii: "\""))
            self.append(handle: number, to: &line)
            line.append(UInt8(ascii: "\""))
        } else {
            line += Key.null
        }
        line.append(UInt8(ascii: "}"))
    }

    private static func appendOrNull(_ text: String, to line: inout [UInt8]) {
        if text.isEmpty { line += Key.null } else { JSONText.append(text, to: &line) }
    }

    // MARK: Templates

    private static func append(
        _ items: [AccessLogFormat.Item],
        _ facts: RequestTrace.Facts,
        _ total: Int64,
        _ dates: AccessLogDates,
        to line: inout [UInt8]
    ) {
        var field = 0
        for item in items {
            switch item {
            case .text(let text): line += text.utf8
            case .client: self.append(facts.client, to: &line)
            case .nothing: line.append(UInt8(ascii: "-"))
            case .time: line += dates.commonLog
            case .requestLine:
                self.escape(facts.method, to: &line)
                line.append(UInt8(ascii: " "))
                self.escape(facts.path, to: &line)
                line += " HTTP/1.1".utf8
            case .status: self.append(facts.status, to: &line)
            case .bytes: self.append(facts.bodyByteCount ?? 0, to: &line)
            case .bytesOrDash:
                if let count = facts.bodyByteCount, count > 0 { self.append(count, to: &line) } else { line.append(UInt8(ascii: "-")) }
            case .microseconds: self.append(Int(total / 1000), to: &line)
            case .seconds: self.append(Int(total / 1_000_000_000), to: &line)
            case .method: self.append(facts.method, to: &line)
            case .path: self.append(facts.path, to: &line)
            case .query:
                guard !facts.query.isEmpty else { break }
                line.append(UInt8(ascii: "?"))
                self.escape(facts.query, to: &line)
            case .field:
                let range = facts.field(field)
                if range.isEmpty { line.append(UInt8(ascii: "-")) }
                for index in range { self.escape(facts.fieldBytes[index], to: &line) }
                field += 1
            case .own(let own): self.append(own, facts, to: &line)
            }
        }
    }

    private static func append(_ own: AccessLogFormat.Own, _ facts: RequestTrace.Facts, to line: inout [UInt8]) {
        switch own {
        case .identifier: self.append(facts.identifier, to: &line)
        case .route: self.append(facts.route ?? "", to: &line)
        case .verdict: self.append(facts.verdict, to: &line)
        case .reason: self.append(facts.reason, to: &line)
        case .session:
            if let number = facts.sessionNumber { self.append(handle: number, to: &line) } else { line.append(UInt8(ascii: "-")) }
        case .phase(let phase): self.append(Int(facts[phase] / 1000), to: &line)
        }
    }

    // MARK: Parts

    private static func append(_ number: Int, to line: inout [UInt8]) { Decimal.append(max(0, number), to: &line) }

    private static func append(handle number: UInt64, to line: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) {
            line.append(Hexadecimal.digit(UInt8(truncatingIfNeeded: number >> UInt64(shift)) & 0x0F))
        }
    }

    /// Appends a text that a client may have chosen, or a hyphen in place of an empty one.
    private static func append(_ text: String, to line: inout [UInt8]) {
        if text.isEmpty { line.append(UInt8(ascii: "-")) } else { self.escape(text, to: &line) }
    }

    private static func escape(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8 { self.escape(byte, to: &line) }
    }

    /// Bytes that could end a line or a quoted text are escaped as Apache does it.
    private static func escape(_ byte: UInt8, to line: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            line.append(UInt8(ascii: "\\"))
            line.append(byte)
        case 0x20...0x7E: line.append(byte)
        default:
            line.append(UInt8(ascii: "\\"))
            line.append(UInt8(ascii: "x"))
            line.append(Hexadecimal.digit(byte >> 4))
            line.append(Hexadecimal.digit(byte & 0x0F))
        }
    }
}

/// The two forms of a second, made once for all lines of that second.
struct AccessLogDates: Sendable {
    private var second: Int64 = .min
    /// Such as `2026-01-01T12:00:00Z`.
    private(set) var timestamp: [UInt8] = []
    /// Such as `[01/Jan/2026:12:00:00 +0000]`.
    private(set) var commonLog: [UInt8] = []

    /// Sets the second, in seconds since the epoch.
    mutating func set(_ second: Int64) {
        guard second != self.second else { return }
        self.second = second
        let date = HTTPDate(secondsSinceUnixEpoch: second)
        self.timestamp = Array(date.timestamp.utf8)
        self.commonLog = [UInt8(ascii: "[")]
        date.appendCommonLog(to: &self.commonLog)
        self.commonLog.append(UInt8(ascii: "]"))
    }
}
