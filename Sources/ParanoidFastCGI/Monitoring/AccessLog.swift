internal import ParanoidHTTP
internal import ParanoidLinux

/// Writes a line for each request that is over.
final class AccessLog: Sendable {
    private let format: AccessLogFormat
    private let sink: LineSink
    /// The names of the parameters that hold the header fields of a line.
    private let parameters: [String]

    /// Opens the log.
    ///
    /// - Throws: ``ConfigurationError`` when its file cannot be opened.
    init(_ format: AccessLogFormat, at place: LineSink.Place) throws(ConfigurationError) {
        self.format = format
        self.parameters = format.fieldNames.map { "HTTP_" + $0.uppercased().replacing("-", with: "_") }
        do throws(SystemCallError) {
            self.sink = try LineSink(place)
        } catch {
            throw ConfigurationError(setting: "PARANOID_ACCESS_LOG", problem: "it cannot be opened: \(error)")
        }
    }

    /// Opens a file anew after it was renamed.
    func reopen() throws(SystemCallError) { try self.sink.reopen() }

    /// Notes what the line of a request holds and is gone once the request is answered.
    func keep(_ request: Request, in facts: inout RequestTrace.Facts) {
        facts.client = request.clientAddress
        facts.path = request.rawPath
        facts.query = request.rawQuery
        facts.fields = self.parameters.map { request.parameters.text(of: $0) ?? "" }
    }

    /// Writes the line of a request.
    func write(_ facts: RequestTrace.Facts, total: Int64) {
        let entry = AccessLogEntry(facts: facts, total: total, endedAt: WallClock.nanosecondsSinceEpoch())
        self.sink.write(entry.line(self.format)) { lost in Array("# \(lost) lines of the access log were lost\n".utf8) }
    }
}

extension ApplicationConfiguration {
    /// Opens the access log that the settings name; `nil`: none.
    func openAccessLog() throws(ConfigurationError) -> AccessLog? {
        guard let text = self.accessLog, let format = AccessLogFormat(self.accessLogFormat) else { return nil }
        let place: LineSink.Place =
            switch text {
            case "stdout", "/dev/stdout": .standardOutput
            case "stderr", "/dev/stderr": .standardError
            case "syslog", "journal": .systemLog(tag: "paranoid")
            default: .file(text)
            }
        return try AccessLog(format, at: place)
    }
}

/// What a line of the access log is made of; pure.
struct AccessLogEntry: Sendable {
    let facts: RequestTrace.Facts
    /// Nanoseconds from the first byte of the request to the end of the response.
    let total: Int64
    /// Nanoseconds since the epoch.
    let endedAt: Int64

    /// The line with its end.
    func line(_ format: AccessLogFormat) -> [UInt8] {
        switch format {
        case .json: Array(self.json.text.utf8) + [UInt8(ascii: "\n")]
        case .template(let items): self.line(items)
        }
    }

    private var startedAt: HTTPDate { HTTPDate(secondsSinceUnixEpoch: (self.endedAt - self.total) / 1_000_000_000) }

    private var json: JSONValue {
        var members: [JSONMember] = []
        func add(_ name: String, _ value: JSONValue) { members.append(JSONMember(name: name, value: value)) }
        add("time", .text(self.startedAt.timestamp))
        add("id", .text(self.facts.identifier))
        add("client", .text(self.facts.client))
        add("method", .text(self.facts.method))
        add("path", .text(self.facts.path))
        add("route", .optional(self.facts.route))
        add("status", .number(self.facts.status))
        add("bytes", .optional(self.facts.bodyByteCount))
        add("microseconds", .number(Int(self.total / 1000)))
        for phase in RequestTrace.Phase.allCases { add("\(phase)_microseconds", .number(Int(self.facts[phase] / 1000))) }
        for (name, text) in [("verdict", self.facts.verdict), ("reason", self.facts.reason), ("session", self.facts.session)] {
            add(name, text.isEmpty ? .null : .text(text))
        }
        return .object(members)
    }

    private func line(_ items: [AccessLogFormat.Item]) -> [UInt8] {
        var line: [UInt8] = []
        var field = 0
        for item in items {
            switch item {
            case .text(let text): line += text.utf8
            case .client: Self.append(self.facts.client, to: &line)
            case .nothing: line.append(UInt8(ascii: "-"))
            case .time: line += "[\(self.startedAt.commonLogText)]".utf8
            case .requestLine: Self.append("\(self.facts.method) \(self.facts.path) HTTP/1.1", to: &line)
            case .status: line += "\(self.facts.status)".utf8
            case .bytes: line += "\(self.facts.bodyByteCount ?? 0)".utf8
            case .bytesOrDash: Self.append(self.facts.bodyByteCount.flatMap { $0 > 0 ? "\($0)" : nil } ?? "", to: &line)
            case .microseconds: line += "\(self.total / 1000)".utf8
            case .seconds: line += "\(self.total / 1_000_000_000)".utf8
            case .method: Self.append(self.facts.method, to: &line)
            case .path: Self.append(self.facts.path, to: &line)
            case .query: if !self.facts.query.isEmpty { Self.append("?\(self.facts.query)", to: &line) }
            case .field:
                Self.append(field < self.facts.fields.count ? self.facts.fields[field] : "", to: &line)
                field += 1
            case .own(let own): Self.append(self.text(of: own), to: &line)
            }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func text(of own: AccessLogFormat.Own) -> String {
        switch own {
        case .identifier: self.facts.identifier
        case .route: self.facts.route ?? ""
        case .verdict: self.facts.verdict
        case .reason: self.facts.reason
        case .session: self.facts.session
        case .phase(let phase): "\(self.facts[phase] / 1000)"
        }
    }

    /// Appends what a client may have chosen: bytes that could end a line or a quoted text are escaped as Apache does it.
    private static func append(_ text: String, to line: inout [UInt8]) {
        if text.isEmpty { return line.append(UInt8(ascii: "-")) }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): line += [UInt8(ascii: "\\"), byte]
            case 0x20...0x7E: line.append(byte)
            default: line += [UInt8(ascii: "\\"), UInt8(ascii: "x"), Hexadecimal.digit(byte >> 4), Hexadecimal.digit(byte & 0x0F)]
            }
        }
    }
}

extension HTTPDate {
    /// The form of the common log format, such as `06/Nov/1994:08:49:37 +0000`.
    fileprivate var commonLogText: String {
        // `Sun, 06 Nov 1994 08:49:37 GMT`
        let parts = self.text.split(separator: " ")
        return "\(parts[1])/\(parts[2])/\(parts[3]):\(parts[4]) +0000"
    }
}
