internal import ParanoidHTTP
internal import Logging

/// How log lines look.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// For people.
    case text
    /// For programs: one JSON object a line.
    case json

    /// A logger of that form, to standard error.
    func logger(label: String, level: Logger.Level) -> Logger {
        var logger =
            switch self {
            case .text: Logger(label: label, factory: { StreamLogHandler.standardError(label: $0) })
            case .json: Logger(label: label, factory: { JSONLogHandler(label: $0) })
            }
        logger.logLevel = level
        return logger
    }
}
