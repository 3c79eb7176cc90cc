#if Redis
internal import ParanoidSessions
internal import Synchronization

/// Who of this process changes which session: one at a time, in the order in which they came, so that they do not spoil each other's changes.
final class SessionTurns: Sendable {
    private struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct Waiting {
        var count: UInt64 = 0
        /// Those who wait for a session that somebody changes.
        var waiters: [SessionName: [Waiter]] = [:]
    }

    private let client: RedisClient
    private let most: Int
    private let waiting = Mutex(Waiting())

    /// - Parameter most: How many may wait for one session.
    init(client: RedisClient, most: Int) {
        self.client = client
        self.most = most
    }

    private enum Entry {
        case taken, full
        case waits(UInt64)
    }

    /// Waits for the turn.
    func take(_ name: SessionName, timeout: Int64) async throws(SessionStoreError) {
        let isMine: Bool = try await self.enter(name, timeout: timeout)
        guard isMine else { throw SessionStoreError(.lockTimeout, message: "others are changing session \(name)") }
    }

    private func enter(_ name: SessionName, timeout: Int64) async throws(SessionStoreError) -> Bool {
        let isFull = self.waiting.withLock { ($0.waiters[name]?.count ?? 0) >= self.most }
        if isFull { throw SessionStoreError(.tooManyWaiting, message: "\(self.most) wait for session \(name)") }
        return await withCheckedContinuation { continuation in
            let entry: Entry = self.waiting.withLock { waiting in
                guard waiting.waiters[name] != nil else {
                    waiting.waiters[name] = []
                    return .taken
                }
                guard timeout > 0 else { return .full }
                waiting.count += 1
                waiting.waiters[name]?.append(Waiter(number: waiting.count, continuation: continuation))
                return .waits(waiting.count)
            }
            switch entry {
            case .taken: continuation.resume(returning: true)
            case .full: continuation.resume(returning: false)
            case .waits(let number): self.client.schedule(after: timeout) { [weak self] in self?.giveUp(name, number) }
            }
        }
    }

    private func giveUp(_ name: SessionName, _ number: UInt64) {
        let waiter = self.waiting.withLock { waiting -> Waiter? in
            guard let place = waiting.waiters[name]?.firstIndex(where: { $0.number == number }) else { return nil }
            return waiting.waiters[name]?.remove(at: place)
        }
        waiter?.continuation.resume(returning: false)
    }

    /// Hands the turn to the next.
    func give(_ name: SessionName) {
        let next = self.waiting.withLock { waiting -> Waiter? in
            guard let waiters = waiting.waiters[name], !waiters.isEmpty else {
                waiting.waiters[name] = nil
                return nil
            }
            return waiting.waiters[name]?.removeFirst()
        }
        next?.continuation.resume(returning: true)
    }
}

/// The states that this process has seen last, so that a change that follows a read needs no second one; a state that was overtaken is
/// noticed by the node.
final class RecentSessions: Sendable {
    private let capacity: Int
    private let kept = Mutex<(young: [SessionName: SessionValue], old: [SessionName: SessionValue])>(([:], [:]))

    /// - Parameter capacity: The most states, as many again being on their way out.
    init(capacity: Int) {
        self.capacity = capacity
    }

    func note(_ value: SessionValue, of name: SessionName) {
        self.kept.withLock { kept in
            if kept.young.count >= self.capacity {
                kept.old = kept.young
                kept.young = [:]
            }
            kept.young[name] = value
        }
    }

    /// The state, which is forgotten: who changes it notes the next one.
    func take(_ name: SessionName) -> SessionValue? {
        self.kept.withLock { kept in
            let young = kept.young.removeValue(forKey: name)
            let old = kept.old.removeValue(forKey: name)
            return young ?? old
        }
    }
}
#endif
