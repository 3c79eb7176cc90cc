import ParanoidFastCGI
import Synchronization

/// Keeps the body of an answer instead of sending it.
final class CollectedBody: ResponseBodyWriter {
    private let bytes = Mutex<[UInt8]>([])

    /// What was written so far.
    var text: String { self.bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    func write(_ bytes: [UInt8]) async throws {
        self.bytes.withLock { $0 += bytes }
    }

    func flush() async throws {}
}
