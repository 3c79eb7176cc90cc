import Synchronization

/// Requests whose handlers wait to be let go on, by number.
final class HeldRequests: Sendable {
    private enum State {
        case waiting(CheckedContinuation<Int?, Never>)
        case released(status: Int?)
    }

    private let requests = Mutex<[String: State]>([:])

    func isHeld(_ number: String) -> Bool {
        self.requests.withLock { requests in
            if case .waiting = requests[number] { true } else { false }
        }
    }

    /// Waits until somebody releases the request; the status it is to answer with, if that was said.
    func hold(_ number: String) async -> Int? {
        await withCheckedContinuation { continuation in
            let early: State? = self.requests.withLock { requests in
                if case .released = requests[number] { return requests.removeValue(forKey: number) }
                requests[number] = .waiting(continuation)
                return nil
            }
            if case .released(let status)? = early { continuation.resume(returning: status) }
        }
    }

    func release(_ number: String, status: Int?) {
        let waiting: State? = self.requests.withLock { requests in
            if case .waiting = requests[number] { return requests.removeValue(forKey: number) }
            requests[number] = .released(status: status)
            return nil
        }
        if case .waiting(let continuation)? = waiting { continuation.resume(returning: status) }
    }
}
