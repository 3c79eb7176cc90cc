internal import Logging

/// Writes log lines into a file of notes, for the parent to judge.
struct NotingLogHandler: LogHandler {
    let notes: NoteFile
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .notice

    init(_ notes: NoteFile) {
        self.notes = notes
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.notes.line("\(event.level): \(event.message) \(event.metadata ?? [:])")
    }
}
