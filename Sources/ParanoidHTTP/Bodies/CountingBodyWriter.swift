internal import Synchronization

/// Passes bytes on and refuses those beyond the announced length.
final class CountingBodyWriter: ResponseBodyWriter {
    private let writer: any ResponseBodyWriter
    private let missing: Mutex<Int>

    init(_ writer: any ResponseBodyWriter, length: Int) {
        self.writer = writer
        self.missing = Mutex(length)
    }

    func write(_ bytes: [UInt8]) async throws {
        let fits = self.missing.withLock { missing in
            missing -= bytes.count
            return missing >= 0
        }
        guard fits else { throw ResponseError(.lengthMismatch) }
        try await self.writer.write(bytes)
    }

    func flush() async throws {
        try await self.writer.flush()
    }

    func finish() throws(ResponseError) {
        guard self.missing.withLock({ $0 == 0 }) else { throw ResponseError(.lengthMismatch) }
    }
}
