internal import ParanoidHTTP
package import ParanoidLinux
internal import Synchronization

/// Writes a line for each request that is over.
///
/// A line is written at once, unless the one before was written less than 10 ms ago: under load, lines gather for so long, as a call of the system
/// costs more than a line. ``flush()`` writes what is left when no line follows.
package final class AccessLog: Sendable {
    /// For how long lines gather, in nanoseconds.
    private static let delay: Int64 = 10_000_000

    private let format: AccessLogFormat
    private let sink: LineSink
    private let writer = Mutex(Writer())
    /// The names of the parameters that hold the header fields of a line.
    private let parameters: [String]

    /// Opens the log.
    ///
    /// - Throws: ``ConfigurationError`` when its file cannot be opened.
    package init(_ format: AccessLogFormat, at place: LineSink.Place) throws(ConfigurationError) {
        self.format = format
        self.parameters = format.fieldNames.map { "HTTP_" + $0.uppercased().replacing("-", with: "_") }
        do throws(SystemCallError) {
            self.sink = try LineSink(place)
        } catch {
            throw ConfigurationError(setting: "PARANOID_ACCESS_LOG", problem: "it cannot be opened: \(error)", remedy: error.remedy)
        }
    }

    deinit { self.flush() }

    /// Opens a file anew after it was renamed.
    func reopen() throws(SystemCallError) {
        self.flush()
        try self.sink.reopen()
    }

    /// Writes the lines that have gathered.
    func flush() {
        self.writer.withLock { self.put(&$0, now: CoarseClock.now()) }
    }

    /// Notes what the line of a request holds and is gone once the request is answered.
    func keep(_ request: Request, in facts: inout RequestTrace.Facts) {
        facts.client = request.clientAddress
        facts.path = request.rawPath
        facts.query = request.rawQuery
        for parameter in self.parameters { request.parameters.lend(parameter) { facts.keep(field: $0) } }
    }

    /// Writes the line of a request.
    ///
    /// - Parameter now: Nanoseconds of a clock that does not go back.
    func write(_ facts: RequestTrace.Facts, total: Int64, now: Int64 = CoarseClock.now()) {
        let endedAt = WallClock.nanosecondsSinceEpoch()
        self.writer.withLock { writer in
            let begin = writer.lines.count
            AccessLogEntry.append(facts, total: total, endedAt: endedAt, self.format, dates: &writer.dates, to: &writer.lines)
            let longest = self.sink.longestPiece
            if begin > 0, writer.lines.count > longest {
                // The new line begins the next piece.
                let line = Array(writer.lines[begin...])
                writer.lines.removeSubrange(begin...)
                self.put(&writer, now: now)
                writer.lines += line
            }
            writer.count += 1
            if now - writer.writtenAt >= Self.delay || writer.lines.count >= longest { self.put(&writer, now: now) }
        }
    }

    private func put(_ writer: inout Writer, now: Int64) {
        guard writer.count > 0 else { return }
        self.sink.write(writer.lines, count: writer.count) { lost in Array("# \(lost) lines of the access log were lost\n".utf8) }
        writer.lines.removeAll(keepingCapacity: true)
        writer.count = 0
        writer.writtenAt = now
    }

    /// What lines are made in, one after the other.
    private struct Writer {
        var lines: [UInt8] = []
        var count = 0
        var writtenAt: Int64 = -1 << 62
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
