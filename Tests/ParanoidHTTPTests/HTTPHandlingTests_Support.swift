import ParanoidHTTP
import HTTPTypes
import Logging
import Synchronization

/// Keeps what is written.
final class CollectingWriter: ResponseBodyWriter {
    private let collected = Mutex<[UInt8]>([])

    var bytes: [UInt8] { self.collected.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws { self.collected.withLock { $0 += bytes } }
    func flush() async throws {}
}

/// A request as the tests need it.
func makeRequest(
    _ method: HTTPRequest.Method = .get,
    _ path: String = "/",
    query: String = "",
    _ parameters: KeyValuePairs<String, String> = [:],
    body: RequestBody = .empty,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
) -> Request {
    Request(
        method: method,
        rawPath: path,
        rawQuery: query,
        parameters: InMemoryParameters(parameters),
        headerFields: { [:] },
        body: body,
        logger: logger
    )
}

extension Response {
    /// The lines of the head, without status.
    func lines(now: HTTPDate = HTTPDate(secondsSinceUnixEpoch: 784_111_777)) -> [String] {
        var lines: [String] = []
        self.forEachField(now: now) { lines.append("\($0): \($1)") }
        return lines
    }

    /// The bytes of the body as text.
    func text() async throws -> String {
        let writer = CollectingWriter()
        try await self.body.write(to: writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// Keeps log lines.
struct RecordingLogHandler: LogHandler {
    struct Entry: Sendable {
        let level: Logger.Level
        let metadata: Logger.Metadata
    }

    private final class Entries: Sendable {
        let list = Mutex<[Entry]>([])
    }

    private let kept = Entries()
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    var entries: [Entry] { self.kept.list.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let entry = Entry(level: event.level, metadata: self.metadata.merging(event.metadata ?? [:]) { $1 })
        self.kept.list.withLock { $0.append(entry) }
    }
}
