import Logging
import Synchronization

/// A log that tests can wait on.
final class RecordedLog: Sendable {
    struct Line: Sendable {
        var message: String
        var metadata: [String: String]
    }

    private let recorded = Mutex<[Line]>([])

    var lines: [Line] { self.recorded.withLock { $0 } }

    /// How many lines have this message.
    func count(_ message: String) -> Int { self.lines.count { $0.message == message } }

    /// The values of one key in all lines with this message, in order.
    func values(_ key: String, in message: String) -> [String] {
        self.lines.filter { $0.message == message }.compactMap { $0.metadata[key] }
    }

    var logger: Logger {
        var logger = Logger(label: "supervisor") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(message: event.message.description, metadata: event.metadata?.mapValues { "\($0)" } ?? [:])
            self.log.recorded.withLock { $0.append(line) }
        }
    }
}
