internal import ParanoidHTTP

/// What a line of the access log is made of; pure.
///
/// Lines are made of bytes in a buffer that is used again, as an access log is written for each request.
struct AccessLogEntry: Sendable {
    let facts: RequestTrace.Facts
    /// Nanoseconds from the first byte of the request to the end of the response.
    let total: Int64
    /// Nanoseconds since the epoch.
    let endedAt: Int64

    /// The line with its end.
    func line(_ format: AccessLogFormat) -> [UInt8] {
        var line: [UInt8] = []
        var dates = AccessLogDates()
        self.append(format, dates: &dates, to: &line)
        return line
    }

    /// Appends the line with its end.
    func append(_ format: AccessLogFormat, dates: inout AccessLogDates, to line: inout [UInt8]) {
        dates.set((self.endedAt - self.total) / 1_000_000_000)
        switch format {
        case .json: self.appendJSON(dates, to: &line)
        case .template(let items): self.append(items, dates, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
    }

    // MARK: JSON

    private static let phases = RequestTrace.Phase.allCases.map { (phase: $0, name: Array(",\"\($0)_microseconds\":".utf8)) }

    private func appendJSON(_ dates: AccessLogDates, to line: inout [UInt8]) {
        line += "{\"time\":\"".utf8
        line += dates.timestamp
        line += "\",\"id\":".utf8
        JSONText.append(self.facts.identifier, to: &line)
        line += ",\"client\":".utf8
        JSONText.append(self.facts.client, to: &line)
        line += ",\"method\":".utf8
        JSONText.append(self.facts.method, to: &line)
        line += ",\"path\":".utf8
        JSONText.append(self.facts.path, to: &line)
        line += ",\"route\":".utf8
        if let route = self.facts.route { JSONText.append(route, to: &line) } else { line += "null".utf8 }
        line += ",\"status\":".utf8
        Self.append(self.facts.status, to: &line)
        line += ",\"bytes\":".utf8
        if let count = self.facts.bodyByteCount { Self.append(count, to: &line) } else { line += "null".utf8 }
        line += ",\"microseconds\":".utf8
        Self.append(Int(self.total / 1000), to: &line)
        for (phase, name) in Self.phases {
            line += name
            Self.append(Int(self.facts[phase] / 1000), to: &line)
        }
        line += ",\"verdict\":".utf8
        Self.appendOrNull(self.facts.verdict, to: &line)
        line += ",\"reason\":".utf8
        Self.appendOrNull(self.facts.reason, to: &line)
        line += ",\"session\":".utf8
        if let number = self.facts.sessionNumber {
            line.append(UInt8(ascii: "\""))
            Self.append(handle: number, to: &line)
            line.append(UInt8(ascii: "\""))
        } else {
            line += "null".utf8
        }
        line.append(UInt8(ascii: "}"))
    }

    private static func appendOrNull(_ text: String, to line: inout [UInt8]) {
        if text.isEmpty { line += "null".utf8 } else { JSONText.append(text, to: &line) }
    }

    // MARK: Templates

    private func append(_ items: [AccessLogFormat.Item], _ dates: AccessLogDates, to line: inout [UInt8]) {
        var field = 0
        for item in items {
            switch item {
            case .text(let text): line += text.utf8
            case .client: Self.append(self.facts.client, to: &line)
            case .nothing: line.append(UInt8(ascii: "-"))
            case .time: line += dates.commonLog
            case .requestLine:
                Self.escape(self.facts.method, to: &line)
                line.append(UInt8(ascii: " "))
                Self.escape(self.facts.path, to: &line)
                line += " HTTP/1.1".utf8
            case .status: Self.append(self.facts.status, to: &line)
            case .bytes: Self.append(self.facts.bodyByteCount ?? 0, to: &line)
            case .bytesOrDash:
                if let count = self.facts.bodyByteCount, count > 0 { Self.append(count, to: &line) } else { line.append(UInt8(ascii: "-")) }
            case .microseconds: Self.append(Int(self.total / 1000), to: &line)
            case .seconds: Self.append(Int(self.total / 1_000_000_000), to: &line)
            case .method: Self.append(self.facts.method, to: &line)
            case .path: Self.append(self.facts.path, to: &line)
            case .query:
                guard !self.facts.query.isEmpty else { break }
                line.append(UInt8(ascii: "?"))
                Self.escape(self.facts.query, to: &line)
            case .field:
                let range = self.facts.field(field)
                if range.isEmpty { line.append(UInt8(ascii: "-")) }
                for index in range { Self.escape(self.facts.fieldBytes[index], to: &line) }
                field += 1
            case .own(let own): self.append(own, to: &line)
            }
        }
    }

    private func append(_ own: AccessLogFormat.Own, to line: inout [UInt8]) {
        switch own {
        case .identifier: Self.append(self.facts.identifier, to: &line)
        case .route: Self.append(self.facts.route ?? "", to: &line)
        case .verdict: Self.append(self.facts.verdict, to: &line)
        case .reason: Self.append(self.facts.reason, to: &line)
        case .session:
            if let number = self.facts.sessionNumber { Self.append(handle: number, to: &line) } else { line.append(UInt8(ascii: "-")) }
        case .phase(let phase): Self.append(Int(self.facts[phase] / 1000), to: &line)
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
