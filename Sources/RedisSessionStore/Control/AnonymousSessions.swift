#if Redis
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// About how many sessions there are in which nobody is logged in, for a store that has a limit of them.
///
/// It is what the last whole sweep found, and those made since that sweep began. All processes share the numbers; each adds what it has made
/// to them at a pace, so one key of the cluster gets a few commands a second from each process, however many sessions begin.
final class AnonymousSessions: Sendable {
    /// How long what this process has made stays with it alone, in nanoseconds.
    private static let pace: Int64 = 60_000_000
    /// How long an answer counts.
    private static let lease: Int64 = 250_000_000

    private struct State {
        /// The last answer, and when it was asked for.
        var known: (count: UInt64, askedAt: Int64)?
        /// Made by this process: on the way to Redis, and not yet; below zero after sessions that did not begin in the end.
        var sent: Int64 = 0
        var pending: Int64 = 0
        var isAdding = false
    }

    private let client: RedisClient
    private let key: [UInt8]
    private let most: Int64
    private let state = Mutex(State())

    /// - Parameter most: How many are allowed.
    init(client: RedisClient, keys: RedisKeys, most: Int) {
        self.client = client
        self.key = keys.anonymous
        self.most = Int64(clamping: most)
    }

    // MARK: Making sessions

    private enum Verdict {
        case counted, full, unknown
    }

    /// Counts a session that is to begin, and refuses it where there are too many.
    ///
    /// - Throws: ``SessionStoreError/Code/full``, and what asking throws.
    func begin() async throws(SessionStoreError) {
        var verdict = self.take(youngerThan: Self.lease)
        if case .unknown = verdict {
            try await self.ask()
            verdict = self.take(youngerThan: .max)
        }
        guard case .counted = verdict else { throw SessionStoreError(.full, message: "there are \(self.most) anonymous sessions already") }
        self.flushLater()
    }

    private func take(youngerThan age: Int64) -> Verdict {
        self.state.withLock { state in
            guard let known = state.known, BootClock.now() - known.askedAt < age else { return .unknown }
            guard Int64(clamping: known.count) + state.sent + state.pending < self.most else { return .full }
            state.pending += 1
            return .counted
        }
    }

    /// Counts sessions that this process has made; those that did not begin in the end count below zero.
    func add(_ count: Int64) {
        self.state.withLock { $0.pending += count }
        self.flushLater()
    }

    private func flushLater() {
        let isFirst = self.state.withLock { state in
            defer { state.isAdding = true }
            return !state.isAdding
        }
        guard isFirst else { return }
        self.client.schedule(after: Self.pace) { [weak self] in self?.flush() }
    }

    // MARK: Redis

    private func flush() {
        let count = self.state.withLock { state in
            state.isAdding = false
            let count = state.pending
            (state.sent, state.pending) = (state.sent + count, 0)
            return count
        }
        self.exchange(adding: count) { _ in }
    }

    private func ask() async throws(SessionStoreError) {
        let result: Result<Void, SessionStoreError> = await withCheckedContinuation { continuation in
            self.exchange(adding: 0) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    private func exchange(adding count: Int64, _ done: @escaping @Sendable (Result<Void, SessionStoreError>) -> Void) {
        let askedAt = BootClock.now()
        let command = RedisCommand(.countAnonymous, keys: [self.key], values: [Array(String(count).utf8)])
        self.client.send(command) { [weak self] result in
            let found: Result<UInt64, SessionStoreError> =
                switch result {
                case .failure(let failure): .failure(SessionStoreError(failure, "counting anonymous sessions"))
                case .success(let answer):
                    Self.count(answer.reply).map { .success($0) }
                        ?? .failure(SessionStoreError(answer.reply, "counting anonymous sessions"))
                }
            self?.state.withLock { state in
                // What Redis may have counted is not counted again; the next sweep finds out.
                state.sent -= count
                // Replies land in the order in which Redis has counted, whoever asked first.
                if case .success(let number) = found { state.known = (number, askedAt) }
            }
            done(found.map { _ in () })
        }
    }

    /// What the numbers say; `nil`: they are none.
    static func count(_ reply: RedisReply) -> UInt64? {
        guard let elements = reply.elements, elements.count == 3 else { return nil }
        let numbers = elements.map { $0.number ?? 0 }
        let (made, found, before) = (numbers[0], numbers[1], numbers[2])
        return found.addingReportingOverflow(made > before ? made - before : 0).partialValue
    }

    /// How many were made, before a sweep begins.
    func made() async throws(SessionStoreError) -> UInt64 {
        let reply = try await self.reply(to: RedisCommand("HGET", key: self.key, [Array("made".utf8)]))
        guard let made = Self.made(reply) else { throw SessionStoreError(reply, "counting anonymous sessions") }
        return made
    }

    /// What a reply says was made; `nil` for anything else than a number or nothing, as 0 would count all that were ever made as anew.
    static func made(_ reply: RedisReply) -> UInt64? {
        switch reply {
        case .null: 0
        // Below zero after the key was lost while sessions began that did not begin in the end.
        case .bytes(let digits): Int64(String(decoding: digits, as: UTF8.self)).map { UInt64(max(0, $0)) }
        default: nil
        }
    }

    /// Notes what a whole sweep has found.
    func note(found: Int, madeBefore: UInt64) async throws(SessionStoreError) {
        let fields = ["found", "\(found)", "before", "\(madeBefore)"].map { Array($0.utf8) }
        let reply = try await self.reply(to: RedisCommand("HSET", key: self.key, fields))
        if case .error = reply { throw SessionStoreError(reply, "counting anonymous sessions") }
    }

    private func reply(to command: RedisCommand) async throws(SessionStoreError) -> RedisReply {
        do throws(RedisFailure) {
            return try await self.client.send(command).reply
        } catch {
            throw SessionStoreError(error, "counting anonymous sessions")
        }
    }
}
#endif
