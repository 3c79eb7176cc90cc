internal import Synchronization

/// Lets one task through at a time; the others suspend and hold no thread.
///
/// First come, first served.
///
/// It is not reentrant, and it ignores cancellation: who waits here has to leave the session in a known state.
final class AsyncGate: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Whether nobody has the turn.
    var isFree: Bool { self.state.withLock { !$0.isTaken } }

    func withTurn<Value, Failure: Error>(_ body: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        await self.acquire()
        defer { self.release() }
        return try await body()
    }

    private func acquire() async {
        let isMine = self.state.withLock { state in
            if state.isTaken { return false }
            state.isTaken = true
            return true
        }
        if isMine { return }
        await withCheckedContinuation { continuation in
            let isMine = self.state.withLock { state in
                if state.isTaken {
                    state.waiting.append(continuation)
                    return false
                }
                state.isTaken = true
                return true
            }
            if isMine { continuation.resume() }
        }
    }

    private func release() {
        let next: CheckedContinuation<Void, Never>? = self.state.withLock { state in
            if state.waiting.isEmpty {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
