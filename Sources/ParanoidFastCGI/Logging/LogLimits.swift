internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// Keeps the lines of this package that clients can cause to their limits (``LogLimit``).
///
/// So no client can fill a disk, or hide what another one does. What was left out is counted, and told.
/// Lines of the application and of other packages pass, whatever they say. What only debugging shows and what is graver count apart.
final class LogLimits: Sendable {
    /// The key under which a line says how many of its kind were left out before it.
    static let key = "log.left_out"
    /// The modules whose lines have limits.
    private static let modules: Set<String> = [
        "FastCGIServer", "FileSessionStore", "ParanoidFastCGI", "ParanoidHTTP", "ParanoidSessions", "WorkerSupervisor",
    ]
    private static let places: [String: Int] = Dictionary(
        uniqueKeysWithValues: LogLimit.all.enumerated().map { ($0.element.message, $0.offset) }
    )

    private struct Row {
        /// Of lines below the level notice, and of those from it.
        var quiet = LogAllowance()
        var loud = LogAllowance()
        /// The level of the last line that was left out.
        var level = Logger.Level.notice
    }

    private let now: @Sendable () -> Int64
    private let rows = Mutex([Row](repeating: Row(), count: LogLimit.all.count))

    /// Begins with nothing left out.
    ///
    /// - Parameter now: Nanoseconds of a clock that does not go back.
    init(now: @escaping @Sendable () -> Int64 = { CoarseClock.now() }) {
        self.now = now
    }

    /// The logger, with its lines kept to these limits; one that has limits keeps its own.
    func limit(_ logger: Logger) -> Logger {
        if logger.handler is LimitedLogHandler { return logger }
        var logger = logger
        logger.handler = LimitedLogHandler(logger.handler, self)
        return logger
    }

    /// Asks for a line.
    ///
    /// - Returns: How many of its kind were left out before it; `nil`: this one is left out as well.
    func admit(_ event: LogEvent) -> Int? {
        guard let place = Self.places[event.message.description], Self.modules.contains(event.source) else { return 0 }
        let (limit, now) = (LogLimit.all[place].limit, self.now())
        return self.rows.withLock { rows in
            let isLoud = event.level >= .notice
            let leftOut = isLoud ? rows[place].loud.admit(limit, now: now) : rows[place].quiet.admit(limit, now: now)
            if leftOut == nil, isLoud || rows[place].loud.leftOut == 0 { rows[place].level = event.level }
            return leftOut
        }
    }

    /// Tells what was left out and has no line after it that told so: a flood may end with its last line left out.
    ///
    /// Called once in a while, and at the end of the process.
    ///
    /// - Parameter isLast: Whether nothing is told later.
    func tellLeftOut(to logger: Logger, isLast: Bool = false) {
        let now = self.now()
        let untold = self.rows.withLock { rows in
            var untold: [(place: Int, level: Logger.Level, count: Int)] = []
            for place in rows.indices {
                let limit = LogLimit.all[place].limit
                let count =
                    isLast
                    ? rows[place].quiet.take() + rows[place].loud.take()
                    : rows[place].quiet.takeLeftOut(limit, now: now) + rows[place].loud.takeLeftOut(limit, now: now)
                if count > 0 { untold.append((place, rows[place].level, count)) }
            }
            return untold
        }
        for (place, level, count) in untold {
            logger.log(
                level: level,
                "log lines were left out",
                metadata: ["log.message": "\(LogLimit.all[place].message)", Self.key: .stringConvertible(count)]
            )
        }
    }
}

/// Keeps the lines on their way to another handler to limits.
struct LimitedLogHandler: LogHandler {
    private var handler: any LogHandler
    /// What was added since: most loggers of requests write nothing, so the handler's own metadata is not copied for them.
    private var added: Logger.Metadata = [:]
    /// What counts its lines.
    let limits: LogLimits

    init(_ handler: any LogHandler, _ limits: LogLimits) {
        self.handler = handler
        self.limits = limits
    }

    var logLevel: Logger.Level {
        get { self.handler.logLevel }
        set { self.handler.logLevel = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { self.handler.metadataProvider }
        set { self.handler.metadataProvider = newValue }
    }

    var metadata: Logger.Metadata {
        get { self.handler.metadata.merging(self.added) { _, added in added } }
        set {
            self.handler.metadata = newValue
            self.added = [:]
        }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.added[key] ?? self.handler[metadataKey: key] }
        set {
            self.added[key] = newValue
            if newValue == nil { self.handler[metadataKey: key] = nil }
        }
    }

    func log(event: LogEvent) {
        guard let leftOut = self.limits.admit(event) else { return }
        var event = event
        if !self.added.isEmpty || leftOut > 0 {
            var metadata = self.added.merging(event.metadata ?? [:]) { _, given in given }
            if leftOut > 0 { metadata[LogLimits.key] = .stringConvertible(leftOut) }
            event.metadata = metadata
        }
        self.handler.log(event: event)
    }
}
