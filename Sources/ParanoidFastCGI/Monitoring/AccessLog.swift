internal import ParanoidHTTP
internal import ParanoidLinux
internal import Synchronization

/// Writes a line for each request that is over.
final class AccessLog: Sendable {
    private let format: AccessLogFormat
    private let sink: LineSink
    private let writer = Mutex(Writer())
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
        for parameter in self.parameters { request.parameters.lend(parameter) { facts.keep(field: $0) } }
    }

    /// Writes the line of a request.
    func write(_ facts: RequestTrace.Facts, total: Int64) {
        let entry = AccessLogEntry(facts: facts, total: total, endedAt: WallClock.nanosecondsSinceEpoch())
        self.writer.withLock { writer in
            writer.line.removeAll(keepingCapacity: true)
            entry.append(self.format, dates: &writer.dates, to: &writer.line)
            self.sink.write(writer.line) { lost in Array("# \(lost) lines of the access log were lost\n".utf8) }
        }
    }

    /// What lines are made in, one after the other.
    private struct Writer {
        var line: [UInt8] = []
        var dates = AccessLogDates()
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
