internal import ParanoidHTTP
internal import ParanoidLinux
internal import Logging

/// The form of log lines.
package enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// For people.
    case text
    /// For programs: one JSON object a line.
    case json

    /// The form that a text names.
    ///
    /// For the line about settings that cannot be used, of which this one may be right.
    init(ofSetting text: String?) {
        self = text.flatMap { Self(rawValue: $0) } ?? .text
    }

    /// Ends the process with one line on standard error that says why.
    func fail(_ error: any Error, code: Int32) -> Never {
        ProcessExit.fail(self.line(of: error, code: code, nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch()), code: code)
    }

    /// The line without its end.
    func line(of error: any Error, code: Int32, nanosecondsSinceEpoch now: Int64, process: Int = ProcessFacts.processID) -> String {
        let line = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
        switch self {
        case .text: return line
        case .json:
            var metadata: Logger.Metadata = ["error": "\(line)", "exit.code": .stringConvertible(code)]
            if let error = error as? ConfigurationError { metadata["setting"] = "\(error.setting)" }
            let event = LogEvent(
                level: .critical,
                message: "the application cannot go on",
                error: nil,
                metadata: metadata,
                source: "ParanoidFastCGI",
                file: #fileID,
                function: #function,
                line: #line
            )
            let bytes = JSONLogHandler(label: "paranoid").line(of: event, nanosecondsSinceEpoch: now, process: process)
            return String(decoding: bytes.dropLast(), as: UTF8.self)
        }
    }

    /// A logger that writes lines of this form to standard error.
    func logger(label: String, level: Logger.Level) -> Logger {
        var logger =
            switch self {
            case .text: Logger(label: label, factory: { StreamLogHandler(label: $0, stream: LogLines()) })
            case .json: Logger(label: label, factory: { JSONLogHandler(label: $0) })
            }
        logger.logLevel = level
        return logger
    }
}

/// Lines for people, on their way to standard error.
private struct LogLines: TextOutputStream {
    static let lossMessage = "log lines were lost, as nobody took them from standard error"

    func write(_ line: String) {
        StandardError.write(Array(line.utf8)) { Array("\(Self.lossMessage): \($0)\n".utf8) }
    }
}

/// Writes log lines as JSON objects to standard error, one line each (RFC 8259).
///
/// Text of a client in a message or value stays inside its string: control characters, line separators and characters
/// that change the direction of text are escaped, and long values are cut.
struct JSONLogHandler: LogHandler {
    /// More bytes of one value are cut off.
    static let maximumValueLength = 1024

    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    private let label: String

    /// Creates a handler for a logger of that name.
    init(label: String) {
        self.label = label
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    /// Writes one line, see ``StandardError/write(_:notice:)``.
    func log(event: LogEvent) {
        StandardError.write(self.line(of: event)) { lost in
            self.line(
                of: LogEvent(
                    level: .warning,
                    message: "\(LogLines.lossMessage)",
                    error: nil,
                    metadata: ["log.lost": .stringConvertible(lost)],
                    source: event.source,
                    file: event.file,
                    function: event.function,
                    line: event.line
                )
            )
        }
    }

    private func line(of event: LogEvent) -> [UInt8] {
        self.line(of: event, nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch(), process: ProcessFacts.processID)
    }

    /// The line of an event, its end included.
    func line(of event: LogEvent, nanosecondsSinceEpoch now: Int64, process: Int) -> [UInt8] {
        let second = HTTPDate(secondsSinceUnixEpoch: now / 1_000_000_000).timestamp.dropLast()
        let milliseconds = "\(1000 + now / 1_000_000 % 1000)".dropFirst()
        var line = Array(
            "{\"time\":\"\(second).\(milliseconds)Z\",\"level\":\"\(event.level.rawValue)\",\"process\":\(process),\"logger\":".utf8
        )
        Self.append(self.label, to: &line)
        line += Array(",\"message\":".utf8)
        Self.append(event.message.description, to: &line)
        var values = self.metadata.merging(self.metadataProvider?.get() ?? [:]) { _, provided in provided }
        values.merge(event.metadata ?? [:]) { _, given in given }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            line.append(UInt8(ascii: ","))
            Self.append(key, to: &line)
            line.append(UInt8(ascii: ":"))
            Self.append(value, to: &line)
        }
        return line + Array("}\n".utf8)
    }

    private static func append(_ value: Logger.MetadataValue, to line: inout [UInt8]) {
        switch value {
        case .string(let text): self.append(text, to: &line)
        case .stringConvertible(let value as any FixedWidthInteger): line += "\(value)".utf8
        case .stringConvertible(let value as Double) where value.isFinite: line += "\(value)".utf8
        case .stringConvertible(let value as Float) where value.isFinite: line += "\(value)".utf8
        case .stringConvertible(let value as Bool): line += "\(value)".utf8
        case .stringConvertible(let value): self.append(value.description, to: &line)
        case .array(let values): self.append(values, between: "[]", to: &line) { self.append($0, to: &$1) }
        case .dictionary(let values):
            self.append(values.sorted { $0.key < $1.key }, between: "{}", to: &line) { member, line in
                self.append(member.key, to: &line)
                line.append(UInt8(ascii: ":"))
                self.append(member.value, to: &line)
            }
        }
    }

    /// Appends values until the line has got so long that a value of its own would be cut.
    private static func append<Item>(
        _ items: [Item],
        between brackets: StaticString,
        to line: inout [UInt8],
        _ append: (Item, inout [UInt8]) -> Void
    ) {
        let ends = Array("\(brackets)".utf8)
        line.append(ends[0])
        let begin = line.count
        for (index, item) in items.enumerated() {
            if line.count - begin > self.maximumValueLength { break }
            if index > 0 { line.append(UInt8(ascii: ",")) }
            append(item, &line)
        }
        line.append(ends[1])
    }

    private static func append(_ text: String, to line: inout [UInt8]) {
        JSONText.append(text, limit: self.maximumValueLength, to: &line)
    }
}
