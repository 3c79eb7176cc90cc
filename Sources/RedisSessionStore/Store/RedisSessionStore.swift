#if Redis
internal import ParanoidLinux
package import ParanoidSessions
internal import Synchronization

/// A store that keeps sessions in Redis, for all workers of all hosts of an application.
///
/// A read is one command, a change one script that compares what it replaces with what is there and is tried again when somebody else was
/// faster: nobody holds a lock, so nobody's death leaves one. Callers suspend and hold no thread.
package final class RedisSessionStore: RemoteSessionStore {
    /// How a store is set up.
    package struct Configuration: Sendable {
        /// Where the sessions are.
        package var address: RedisAddress
        /// The most bytes of a session's payload.
        package var maximumPayloadSize: Int
        /// How long an operation waits for others that change the same session, before its own time begins.
        package var lockTimeout = Duration.seconds(2)
        /// How many may wait for one session in this process.
        package var maximumWaiters = 1000
        /// How many states are remembered between a read and a change.
        package var rememberedCount = 1024
        /// Whether the numbers that count for all sessions are made where there are none; not in a store that sessions are moved to.
        package var makesNumbers = true
        /// The most sessions in which nobody is logged in; `nil`: nobody counts them.
        package var maximumAnonymousSessions: Int?
        /// Told of what happens between the store and its servers, on the store's thread; must not block.
        package var observe: (@Sendable (RedisEvent) -> Void)?

        /// Creates a configuration.
        package init(address: RedisAddress, maximumPayloadSize: Int = 1 << 20) {
            self.address = address
            self.maximumPayloadSize = maximumPayloadSize
        }
    }

    let configuration: Configuration
    let client: RedisClient
    let keys: RedisKeys
    let control: SessionControl
    let turns: SessionTurns
    let recent: RecentSessions
    /// `nil` without a limit.
    let anonymous: AnonymousSessions?
    let cursor = Mutex(SweepPlace())
    /// What this store is called behind the sessions that it has changed, and how many changes it has begun.
    private let writer: UInt64
    private let changeCount = Mutex<UInt32>(0)

    /// Starts the store's thread; what the address names need not be there yet.
    ///
    /// - Throws: ``SessionStoreError/Code/refused`` for an address that this build cannot serve, ``SessionStoreError/Code/unavailable`` when
    ///   the process may have no more threads or descriptors.
    package init(_ configuration: Configuration) throws(SessionStoreError) {
        guard !configuration.address.isEncrypted else {
            throw SessionStoreError(.refused, message: "this build has no TLS for Redis; use a tunnel and redis://")
        }
        self.configuration = configuration
        var random = SystemRandom()
        self.writer = random.next()
        do throws(SystemCallError) {
            self.client = try RedisClient(configuration.address, observe: configuration.observe)
        } catch {
            throw SessionStoreError(.unavailable, message: "no thread for Redis", cause: error)
        }
        self.keys = RedisKeys(prefix: configuration.address.prefix)
        self.control = SessionControl(
            client: self.client,
            keys: self.keys,
            longestWait: RedisClient.nanoseconds(configuration.address.timeout) / 8,
            makesNumbers: configuration.makesNumbers
        )
        self.turns = SessionTurns(client: self.client, most: configuration.maximumWaiters)
        self.recent = RecentSessions(capacity: configuration.rememberedCount)
        let (client, keys) = (self.client, self.keys)
        self.anonymous = configuration.maximumAnonymousSessions.map { AnonymousSessions(client: client, keys: keys, most: $0) }
        self.control.start()
    }

    var now: Timestamp { Timestamp(nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch()) }

    // MARK: Reading

    package func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        let deadline = self.client.deadline
        guard let value = try await self.fetch(name, by: deadline) else { return nil }
        guard try await !self.control.hasEnded(value.session, by: deadline) else { return nil }
        self.recent.note(value, of: name)
        return value.session
    }

    /// What is there, ended or not.
    func fetch(_ name: SessionName, by deadline: Int64? = nil) async throws(SessionStoreError) -> SessionValue? {
        let answer = try await self.answer(to: RedisCommand("GET", key: self.keys.session(name)), by: deadline, name)
        return try await self.value(from: answer.reply, name)
    }

    /// What a reply says is there.
    func value(from reply: RedisReply, _ name: SessionName) async throws(SessionStoreError) -> SessionValue? {
        if reply == .null { return nil }
        guard let bytes = reply.bytes else { throw SessionStoreError(reply, "session \(name)") }
        do throws(SessionValue.Problem) {
            return try SessionValue(bytes)
        } catch {
            switch error {
            case .newer: throw SessionStoreError(.refused, message: "session \(name) was written by a newer version of this software")
            case .damaged:
                try await self.setAside(name, bytes)
                throw SessionStoreError(.damaged, message: "session \(name) is damaged and was set aside")
            }
        }
    }

    func answer(to command: RedisCommand, by deadline: Int64? = nil, _ name: SessionName) async throws(SessionStoreError) -> RedisAnswer {
        do throws(RedisFailure) {
            return try await self.client.send(command, by: deadline)
        } catch {
            throw SessionStoreError(error, "session \(name)")
        }
    }

    private func setAside(_ name: SessionName, _ bytes: [UInt8]) async throws(SessionStoreError) {
        let command = RedisCommand(
            .setAside,
            keys: [self.keys.session(name), self.keys.aside(name), self.keys.all(beside: name)],
            values: [SessionValue.mark(of: bytes), name.bytes, Array(String(KeyLifetime.aside).utf8)]
        )
        let reply = try await self.answer(to: command, name).reply
        guard case .integer = reply else { throw SessionStoreError(reply, "setting session \(name) aside") }
    }

    package func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        guard let value = try await self.fetch(name), value.session.generation == generation else { return }
        try await self.setAside(name, value.bytes)
    }

    // MARK: Creating

    package func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        precondition(session.generation == 1, "a new session has generation 1")
        try self.checkSize(session, name)
        let isAnonymous = session.state == .live && session.userTag == nil
        if let anonymous, isAnonymous {
            if session.beginsNow { try await anonymous.begin() } else { anonymous.add(1) }
        }
        do throws(SessionStoreError) {
            try await self.add(session, named: name)
        } catch {
            if isAnonymous { self.anonymous?.add(-1) }
            throw error
        }
    }

    private func add(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        let (change, writers) = self.change(of: nil, generation: session.generation)
        let deadline = self.client.deadline
        let value = SessionValue(session, listing: try await self.list(session, name, by: deadline), writers: writers)
        let bytes = value.bytes
        let command = RedisCommand(
            .create,
            keys: [self.keys.session(name), self.keys.all(beside: name)],
            values: [bytes, self.lifetime(of: session), name.bytes]
        )
        let answer = try await self.answer(to: command, by: deadline, name)
        switch answer.reply {
        case .integer(1): break
        case .bytes where try await self.wasMade(change, generation: session.generation, answer, name): break
        case .bytes, .null: throw SessionStoreError(.nameTaken, message: "session \(name) exists already")
        default: throw SessionStoreError(answer, "creating session \(name)")
        }
        self.recent.note(value, of: name)
    }

    /// Draws a number for a change, which is remembered behind what it makes.
    func change(of current: SessionValue?, generation: UInt64) -> (change: RecentWriters.Change, writers: RecentWriters) {
        let number = self.changeCount.withLock { count in
            count &+= 1
            return count
        }
        let change = RecentWriters.Change(writer: self.writer, number: number)
        let second = UInt32(truncatingIfNeeded: self.now.nanosecondsSinceEpoch / 1_000_000_000)
        let lifetime = RecentWriters.lifetime(timeout: self.configuration.address.timeout, lockTimeout: self.configuration.lockTimeout)
        let before = current?.writers ?? RecentWriters()
        return (change, before.adding(change, generation: generation, second: second, lifetime: lifetime))
    }

    /// Whether an earlier try, whose reply was lost, has made a change that is there, or was there before others changed the session.
    ///
    /// - Throws: ``SessionStoreError/Code/unavailable`` when nobody knows.
    func wasMade(
        _ change: RecentWriters.Change,
        generation: UInt64,
        _ answer: RedisAnswer,
        _ name: SessionName
    ) async throws(SessionStoreError) -> Bool {
        guard answer.mayHaveHappenedBefore, let found = try await self.value(from: answer.reply, name) else { return false }
        switch found.writers.trace(of: change, generation: generation) {
        case .made: return true
        case .notMade: return false
        case .forgotten: throw SessionStoreError(.unavailable, message: "it is not known whether a change of session \(name) happened")
        }
    }

    func lifetime(of session: StoredSession) -> [UInt8] {
        Array(String(KeyLifetime.ofSession(expiringAt: session.expiresAt, now: self.now)).utf8)
    }

    func checkSize(_ session: StoredSession, _ name: SessionName) throws(SessionStoreError) {
        let limit = self.configuration.maximumPayloadSize
        guard session.payload.count <= limit else {
            throw SessionStoreError(.tooLarge, message: "session \(name) has \(session.payload.count) bytes; \(limit) are allowed")
        }
    }

    /// Makes a session that carries a tag findable, before it is written: a death in between leaves a name too many, not one too few.
    ///
    /// - Returns: How it is listed.
    func list(
        _ session: StoredSession,
        _ name: SessionName,
        by deadline: Int64? = nil
    ) async throws(SessionStoreError) -> SessionValue.Listing {
        guard let tag = session.userTag else { return SessionValue.Listing() }
        let now = self.now
        let time = KeyLifetime.ofList(expiringAt: session.expiresAt, now: now)
        let listing = SessionValue.Listing(
            until: UInt64(clamping: now.nanosecondsSinceEpoch / 1_000_000 + time),
            generation: session.generation
        )
        let values = [listing.entry(of: name), Array(String(time).utf8)]
        let command = RedisCommand(.index, keys: [self.keys.sessions(of: tag)], values: values)
        let reply = try await self.answer(to: command, by: deadline, name).reply
        guard case .integer = reply else { throw SessionStoreError(reply, "listing session \(name)") }
        return listing
    }

    // MARK: All sessions, and those of users

    package func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] {
        let reply: RedisReply
        do throws(RedisFailure) {
            reply = try await self.client.send(RedisCommand("SMEMBERS", key: self.keys.sessions(of: tag))).reply
        } catch {
            throw SessionStoreError(error, "listing a user's sessions")
        }
        guard let elements = reply.elements else { throw SessionStoreError(reply, "listing a user's sessions") }
        return Array(Set(elements.compactMap { $0.bytes.flatMap { SessionValue.Listing.name(ofEntry: $0) } }))
    }

    package func epoch() async throws(SessionStoreError) -> UInt64 { try await self.control.current().epoch }

    package func beginEpoch() async throws(SessionStoreError) { try await self.control.beginEpoch() }

    package var loginEpoch: UInt64 { self.control.loginEpoch }

    package var zeroIsUnknown: Bool { true }

    package func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 { try await self.control.beginLoginEpoch() }

    package func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        try await self.control.endLogins(of: tag, before: epoch)
    }
}

extension SessionStoreError {
    init(_ failure: RedisFailure, _ action: String) {
        let outcome = failure.mayHaveHappened ? ", and it is not known whether it happened" : ""
        self.init(.unavailable, message: "\(action): \(failure.text)\(outcome)")
    }

    /// Maps an error that came after tries of which one may have been carried out: it does not say that nothing happened.
    init(_ answer: RedisAnswer, _ action: String) {
        self.init(answer.reply, action)
        if answer.mayHaveHappenedBefore { self.code = .unavailable }
    }

    /// Maps an error of the server, or a reply that nobody can read.
    init(_ reply: RedisReply, _ action: String) {
        guard case .error(let text) = reply else {
            self.init(.unavailable, message: "\(action): the server's reply makes no sense")
            return
        }
        let word = String(decoding: text.utf8.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        switch word {
        case "OOM": self.init(.full, message: "\(action): \(text)")
        case "NOPERM", "NOAUTH", "WRONGPASS", "WRONGTYPE": self.init(.refused, message: "\(action): \(text)")
        default: self.init(.unavailable, message: "\(action): \(text)")
        }
    }
}
#endif
