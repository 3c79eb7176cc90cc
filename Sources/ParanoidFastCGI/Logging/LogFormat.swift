internal import ParanoidHTTP
internal import ParanoidLinux
internal import Logging

/// The form of log lines.
package enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// For people.
    case text
    /// For programs: one JSON object a line.
    case json

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
        case .stringConvertible(let value as any FixedWidthInteger): line += Array("\(value)".utf8)
        case .stringConvertible(let value as Double) where value.isFinite: line += Array("\(value)".utf8)
        case .stringConvertible(let value as Bool): line += Array("\(value)".utf8)
        case .stringConvertible(let value): self.append(value.description, to: &line)
        default: self.append("\(value)", to: &line)
        }
    }

    private static func append(_ text: String, to line: inout [UInt8]) {
        JSONText.append(text, limit: self.maximumValueLength, to: &line)
    }
}
