internal import HTTPTypes
internal import Synchronization

/// The position in a body, shared by all copies of the request.
final class RequestBodySource: Sendable {
    private static let chunkSize = 65_536

    private struct State {
        var received = 0
        var hasStarted = false
        var hasEnded = false
        var isReading = false
        var collected: [UInt8]?
    }

    private let length: Int?
    private let read: @Sendable (_ upTo: Int) async throws -> [UInt8]?
    private let state: Mutex<State>

    init(length: Int?, read: @escaping @Sendable (_ upTo: Int) async throws -> [UInt8]?) {
        self.length = length
        self.read = read
        self.state = Mutex(State())
    }

    init(collected bytes: [UInt8]) {
        self.length = bytes.count
        self.read = { _ in nil }
        self.state = Mutex(State(received: bytes.count, hasStarted: true, hasEnded: true, collected: bytes))
    }

    var collected: [UInt8]? {
        self.state.withLock { $0.collected }
    }

    func collect(limit: Int) async throws -> [UInt8] {
        if let bytes = self.collected {
            guard bytes.count <= limit else { throw HTTPError.contentTooLarge }
            return bytes
        }
        let isFirst = self.state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted
        }
        guard isFirst else { throw RequestBodyError.alreadyConsumed }
        var bytes: [UInt8] = []
        while let chunk = try await self.pull(limit: limit) {
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        }
        self.state.withLock { $0.collected = bytes }
        return bytes
    }

    func next(limit: Int) async throws -> [UInt8]? {
        self.state.withLock { $0.hasStarted = true }
        return try await self.pull(limit: limit)
    }

    private func pull(limit: Int) async throws -> [UInt8]? {
        guard let wanted = try self.begin(limit: limit) else { return nil }
        let chunk: [UInt8]?
        do {
            chunk = try await self.read(wanted)
        } catch {
            self.state.withLock { state in
                state.isReading = false
                state.hasEnded = true
            }
            throw error
        }
        return try self.end(chunk ?? [], limit: limit)
    }

    /// How many bytes to ask for; `nil` at the end of the body.
    private func begin(limit: Int) throws -> Int? {
        try self.state.withLock { state in
            if state.isReading { throw RequestBodyError.concurrentUse }
            if state.hasEnded || state.received == self.length { return nil }
            if state.received > limit { throw HTTPError.contentTooLarge }
            // One byte over the limit tells a body that fills it from one that is too large.
            let open = limit == .max ? .max : limit - state.received + 1
            state.isReading = true
            return min(Self.chunkSize, self.length.map { $0 - state.received } ?? .max, open)
        }
    }

    private func end(_ chunk: [UInt8], limit: Int) throws -> [UInt8]? {
        try self.state.withLock { state in
            state.isReading = false
            guard !chunk.isEmpty else {
                state.hasEnded = true
                guard let length = self.length, state.received < length else { return nil }
                throw HTTPError(.badRequest, message: "The body is shorter than announced.")
            }
            state.received += chunk.count
            if state.received > limit {
                state.hasEnded = true
                throw HTTPError.contentTooLarge
            }
            return chunk
        }
    }
}
