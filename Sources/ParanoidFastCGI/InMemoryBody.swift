internal import Synchronization

/// A body that is read from memory, piece by piece.
final class InMemoryBody: Sendable {
    private let rest: Mutex<ArraySlice<UInt8>>

    init(_ bytes: [UInt8]) {
        self.rest = Mutex(bytes[...])
    }

    func read(upTo count: Int) -> [UInt8]? {
        self.rest.withLock { rest in
            if rest.isEmpty { return nil }
            let piece = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            return piece
        }
    }
}
