#if Redis
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The numbers that count for all sessions, in this process.
///
/// They count for ``lease`` from when they were asked for, and are asked for again before that. Those who change one wait that long before they
/// say that it is done: by then no process goes by an older one. So a request needs no question about them, and nothing that was ended is seen.
final class SessionControl: Sendable {
    /// How long numbers count, in nanoseconds.
    static let lease: Int64 = 250_000_000
    /// How often they are asked for.
    private static let pace: Int64 = 60_000_000
    private static let mostKnownUsers = 4096

    private enum State {
        case unknown
        case known(ControlNumbers, askedAt: Int64)
    }

    private struct KnownUser {
        var mark: UInt64
        var epoch: UInt64
    }

    private let client: RedisClient
    private let keys: RedisKeys
    private let longestWait: Int64
    private let makesNumbers: Bool
    private let state = Mutex(State.unknown)
    private let users = Mutex<[UserTag: KnownUser]>([:])

    /// - Parameters:
    ///   - longestWait: How long ``loginEpoch`` may wait for an answer, in nanoseconds.
    ///   - makesNumbers: Whether the numbers are made where there are none.
    init(client: RedisClient, keys: RedisKeys, longestWait: Int64, makesNumbers: Bool) {
        self.makesNumbers = makesNumbers
        self.client = client
        self.keys = keys
        self.longestWait = longestWait
    }

    /// Asks for the numbers from now on, for as long as the object is there.
    func start() {
        self.client.schedule(after: 0) { [weak self] in self?.beat() }
    }

    private func beat() {
        self.ask { _ in }
        self.client.schedule(after: Self.pace) { [weak self] in self?.beat() }
    }

    // MARK: Asking

    private var known: ControlNumbers? {
        self.state.withLock { state in
            guard case .known(let numbers, let askedAt) = state, BootClock.now() - askedAt < Self.lease else { return nil }
            return numbers
        }
    }

    private func confirm(version: UInt64, askedAt: Int64) -> ControlNumbers? {
        self.state.withLock { state in
            guard case .known(let numbers, let before) = state, numbers.version == version else { return nil }
            state = .known(numbers, askedAt: max(before, askedAt))
            return numbers
        }
    }

    private func note(_ found: ControlNumbers, askedAt: Int64) -> ControlNumbers {
        self.state.withLock { state in
            var numbers = found
            if case .known(let older, let before) = state {
                // An answer that was overtaken by a younger one.
                guard askedAt >= before else { return older }
                numbers = found.joined(with: older)
                if numbers != found { self.repair(found, to: numbers) }
            }
            state = .known(numbers, askedAt: askedAt)
            return numbers
        }
    }

    /// Gives Redis back what a failover has lost, for processes that start later.
    private func repair(_ found: ControlNumbers, to numbers: ControlNumbers) {
        if numbers.epoch > found.epoch || numbers.loginEpoch > found.loginEpoch {
            let values = [numbers.epoch, numbers.loginEpoch].map { Array(String($0).utf8) }
            self.client.send(RedisCommand(.raiseNumbers, keys: [self.keys.control], values: values)) { _ in }
        }
        for group in 0..<ControlNumbers.groupCount where numbers.marks[group] > found.marks[group] {
            let values = [ControlNumbers.field(ofGroup: group), Array(String(numbers.marks[group]).utf8)]
            self.client.send(RedisCommand(.raiseMark, keys: [self.keys.control], values: values)) { _ in }
        }
        // What this process knows of users that were revoked.
        for (tag, known) in self.users.withLock({ $0 }) where known.epoch > 0 {
            let values = [Array(String(known.epoch).utf8)]
            self.client.send(RedisCommand(.raiseUser, keys: [self.keys.loginEpoch(of: tag)], values: values)) { _ in }
        }
    }

    private func ask(by deadline: Int64? = nil, _ done: @escaping @Sendable (Result<ControlNumbers, SessionStoreError>) -> Void) {
        let askedAt = BootClock.now()
        self.client.send(RedisCommand("HGET", key: self.keys.control, [Array("v".utf8)]), by: deadline) { result in
            if case .success(let answer) = result, let version = answer.reply.number,
                let numbers = self.confirm(version: version, askedAt: askedAt)
            {
                return done(.success(numbers))
            }
            if case .failure(let failure) = result { return done(.failure(SessionStoreError(failure, "asking for the epoch"))) }
            self.load(by: deadline, done)
        }
    }

    private func load(by deadline: Int64? = nil, _ done: @escaping @Sendable (Result<ControlNumbers, SessionStoreError>) -> Void) {
        let askedAt = BootClock.now()
        let command =
            self.makesNumbers ? RedisCommand(.loadControl, keys: [self.keys.control]) : RedisCommand("HGETALL", key: self.keys.control)
        self.client.send(command, by: deadline) { result in
            switch result {
            case .failure(let failure): done(.failure(SessionStoreError(failure, "asking for the epoch")))
            case .success(let answer):
                if let numbers = ControlNumbers(answer.reply) {
                    done(.success(self.note(numbers, askedAt: askedAt)))
                } else if answer.reply.elements?.isEmpty == true {
                    done(.failure(SessionStoreError(.refused, message: "there are no numbers; run `paranoid sessions migrate --prepare`")))
                } else {
                    done(.failure(SessionStoreError(answer.reply, "asking for the epoch")))
                }
            }
        }
    }

    /// The numbers that count now; asks only if the last answer is too old.
    func current(by deadline: Int64? = nil) async throws(SessionStoreError) -> ControlNumbers {
        if let known { return known }
        let result: Result<ControlNumbers, SessionStoreError> = await withCheckedContinuation { continuation in
            self.ask(by: deadline) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// The number that logins carry; blocks for an answer only if the last one is too old, which a server that answers prevents.
    ///
    /// Without an answer it is 0, as the last one known may lag behind. Nobody waits for a server that has been silent for some time: the
    /// request will have no session either.
    var loginEpoch: UInt64 {
        if let known { return known.loginEpoch }
        if !self.isSilent, let woken = try? Wakeup() {
            self.ask { _ in woken.signal() }
            woken.wait(nanoseconds: self.longestWait)
        }
        return self.known?.loginEpoch ?? 0
    }

    private var isSilent: Bool {
        self.state.withLock { state in
            guard case .known(_, let askedAt) = state else { return false }
            return BootClock.now() - askedAt > 8 * self.longestWait
        }
    }

    private final class Wakeup: Sendable {
        private let event: EventFD

        init() throws(SystemCallError) {
            self.event = try EventFD()
        }

        func signal() { self.event.signal() }
        func wait(nanoseconds: Int64) { self.event.wait(milliseconds: CInt(clamping: nanoseconds / 1_000_000)) }
    }

    // MARK: Ended sessions

    /// Whether a session has ended with all others, or with its user's.
    func hasEnded(_ session: StoredSession, by deadline: Int64? = nil) async throws(SessionStoreError) -> Bool {
        let numbers = try await self.current(by: deadline)
        if session.epoch < numbers.epoch { return true }
        guard let tag = session.userTag else { return false }
        let mark = numbers.marks[ControlNumbers.group(of: tag)]
        guard session.loginEpoch < mark else { return false }
        if let known = self.users.withLock({ $0[tag] }), known.mark == mark { return session.loginEpoch < known.epoch }
        let command = RedisCommand("GET", key: self.keys.loginEpoch(of: tag))
        let reply = try await self.reply(to: command, by: deadline, "asking for a user's number")
        let epoch: UInt64
        switch reply {
        case .null: epoch = 0
        default:
            guard let number = reply.number else { throw SessionStoreError(reply, "asking for a user's number") }
            epoch = number
        }
        self.users.withLock { users in
            if users.count >= Self.mostKnownUsers { users.removeAll() }
            users[tag] = KnownUser(mark: mark, epoch: epoch)
        }
        return session.loginEpoch < epoch
    }

    // MARK: Changing

    /// Begins an epoch; returns when no process goes by the one before any more.
    func beginEpoch() async throws(SessionStoreError) {
        _ = try await self.number(from: .beginEpoch, "ending all sessions")
        try await self.waitOut()
    }

    /// Draws a number for logins; returns when no process gives out a lower one any more.
    func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 {
        let number = try await self.number(from: .beginLoginEpoch, "drawing a number for logins")
        try await self.waitOut()
        return number
    }

    /// Ends logins of a user; returns when every process knows.
    func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        let digits = Array(String(epoch).utf8)
        let done = RedisReply.integer(1)
        // Behind the number itself, so that those who come to look find it.
        let raised = try await self.reply(
            to: RedisCommand(.raiseUser, keys: [self.keys.loginEpoch(of: tag)], values: [digits]),
            "ending the logins of a user"
        )
        guard raised == done else { throw SessionStoreError(raised, "ending the logins of a user") }
        let field = ControlNumbers.field(ofGroup: ControlNumbers.group(of: tag))
        let marked = try await self.reply(
            to: RedisCommand(.raiseMark, keys: [self.keys.control], values: [field, digits]),
            "ending the logins of a user"
        )
        guard marked == done else { throw SessionStoreError(marked, "ending the logins of a user") }
        self.users.withLock { $0[tag] = KnownUser(mark: epoch, epoch: epoch) }
        try await self.waitOut()
    }

    /// The numbers as they are in Redis; `nil`: there are none.
    func stored() async throws(SessionStoreError) -> SessionStoreNumbers? {
        let fields = ["e", "l"].map { Array($0.utf8) }
        let reply = try await self.reply(to: RedisCommand("HMGET", key: self.keys.control, fields), "asking for the epoch")
        guard let elements = reply.elements, elements.count == 2 else { throw SessionStoreError(reply, "asking for the epoch") }
        guard let epoch = elements[0].number, let loginEpoch = elements[1].number else { return nil }
        return SessionStoreNumbers(epoch: epoch, loginEpoch: ControlNumbers.loginEpoch(stored: loginEpoch))
    }

    /// Raises the numbers to at least these; returns when every process knows.
    func raise(to numbers: SessionStoreNumbers) async throws(SessionStoreError) {
        // The scripts count with 53 bits.
        guard max(numbers.epoch, numbers.loginEpoch) < 1 << 52 else {
            throw SessionStoreError(.refused, message: "the numbers of the other store are too great for Redis; end all sessions instead")
        }
        let values = [numbers.epoch, numbers.loginEpoch].map { Array(String($0).utf8) }
        let reply = try await self.reply(to: RedisCommand(.raiseNumbers, keys: [self.keys.control], values: values), "raising the epoch")
        guard reply == .integer(1) else { throw SessionStoreError(reply, "raising the epoch") }
        try await self.waitOut()
    }

    private func number(from script: RedisScript, _ action: String) async throws(SessionStoreError) -> UInt64 {
        let reply = try await self.reply(to: RedisCommand(script, keys: [self.keys.control]), action)
        guard let number = reply.number else { throw SessionStoreError(reply, action) }
        return number
    }

    private func reply(to command: RedisCommand, by deadline: Int64? = nil, _ action: String) async throws(SessionStoreError) -> RedisReply
    {
        do throws(RedisFailure) {
            return try await self.client.send(command, by: deadline).reply
        } catch {
            throw SessionStoreError(error, action)
        }
    }

    /// Waits until what other processes know is younger than the change that was just made.
    private func waitOut() async throws(SessionStoreError) {
        await self.client.pause(nanoseconds: Self.lease + Self.lease / 20)
        let result: Result<ControlNumbers, SessionStoreError> = await withCheckedContinuation { continuation in
            self.load { continuation.resume(returning: $0) }
        }
        _ = try result.get()
    }
}
#endif
