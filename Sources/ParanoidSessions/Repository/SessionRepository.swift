/// Sessions by identifier, over any store: names them, opens and seals their records, and lets changes be made under the store's lock.
///
/// The store below never sees an identifier, a key or a value; what is above never sees a name, a generation or a sealed byte.
package final class SessionRepository: Sendable {
    /// A session as it was read.
    package struct Opened: Sendable {
        /// The record.
        package var record: SessionRecord
        /// Counts the writes of the session.
        package var generation: UInt64
        /// The identifier of the session: the one asked for, or the one that took its place a moment ago.
        package var identifier: SessionIdentifier
        /// From when on it counts as absent.
        package var expiresAt: Timestamp
        /// Until when the identifier asked for leads here, where that took more than one step; see ``shorten(_:to:at:by:using:)``.
        var longWayUntil: Timestamp?
    }

    /// What is to become of a session under its lock.
    package enum Change: Sendable {
        /// Leave it.
        case keep
        /// Replace its record; it expires at the given time.
        case write(SessionRecord, expiresAt: Timestamp)
        /// End it.
        case remove
        /// End it; until the given time, its name says that it is gone.
        case end(until: Timestamp)
        /// End it; until the given time, whoever still shows its identifier is led to another.
        case supersede(by: SessionIdentifier, until: Timestamp)
    }

    /// How many replaced identifiers are followed, one read each.
    ///
    /// Who comes back with an old one is to be recognised as the second holder of a jar, so this is more than a busy thief who changes networks
    /// every few minutes makes in a night; a request cannot cost more than these reads.
    static let longestChain = 512

    let store: any SessionStore
    /// The same, if it does most things without waiting.
    let immediate: (any ImmediateSessionStore)?
    let secrets: SecretRing
    let configuration: SessionRepositoryConfiguration
    let sealer: SessionSealer
    let hot: HotSessions
    private let report: @Sendable (SessionIncident) -> Void

    /// Creates a repository.
    ///
    /// - Parameters:
    ///   - store: Where the sessions are kept.
    ///   - secrets: The server's secrets: the newest names and seals new sessions, all of them open existing ones.
    ///   - configuration: Protection, timeout and limits.
    ///   - report: Called for each session that had to be given up; must not block.
    ///   - reloadSecrets: Reads the secrets again, for identifiers whose secret was added later; called at most once a second.
    package init(
        store: any SessionStore,
        secrets: ServerSecrets,
        configuration: SessionRepositoryConfiguration = SessionRepositoryConfiguration(),
        report: @escaping @Sendable (SessionIncident) -> Void = { _ in },
        reloadSecrets: (@Sendable () -> ServerSecrets?)? = nil
    ) {
        precondition([.none, .sealed].contains(configuration.protection), "the repository labels what needs a label")
        self.store = store
        self.immediate = store as? any ImmediateSessionStore
        self.secrets = SecretRing(secrets, reload: reloadSecrets)
        self.configuration = configuration
        self.hot = HotSessions(capacity: configuration.cachedSessions)
        self.sealer = SessionSealer(protection: configuration.protection)
        self.report = report
    }

    /// The number that logins carry whose request arrives now; in memory.
    package var loginEpoch: UInt64 { self.store.loginEpoch }

    /// Whether a number says that the store did not know which logins have ended.
    func isUnknown(loginEpoch: UInt64) -> Bool { loginEpoch == 0 && (self.store as? any RemoteSessionStore)?.zeroIsUnknown == true }

    /// The keys of new sessions.
    package var newestKeys: ServerKeys { self.secrets.newest }

    /// The keys an identifier belongs to; `nil` when the server does not have its secret.
    package func keys(of identifier: SessionIdentifier) -> ServerKeys? {
        self.secrets.keys(number: identifier.secretNumber)
    }

    /// The keys of all secrets that the server has, the newest first.
    package var allKeys: [ServerKeys] { self.secrets.all }

    /// The keys of one of the server's secrets; `nil` when it does not have it.
    package func keys(number: UInt8) -> ServerKeys? { self.secrets.keys(number: number) }

    func location(of identifier: SessionIdentifier) -> SessionLocation? {
        self.hot.location(of: identifier) ?? self.keys(of: identifier).map { SessionLocation(of: identifier, keys: $0) }
    }

    /// What was proved last of what a session's client shows.
    func proven(of identifier: SessionIdentifier) -> ProvenCredentials? { self.hot.proven(of: identifier) }

    /// Notes what was proved, so that the same need not be proved again.
    func note(_ proven: ProvenCredentials, of identifier: SessionIdentifier) { self.hot.note(proven, of: identifier) }

    // MARK: Reading

    /// What a look without waiting has found.
    enum Look {
        case found(Opened)
        case absent
        /// It takes ``open(_:at:onEnd:)`` to tell.
        case later
    }

    /// Reads a session if nobody has to be waited for and the identifier is its own.
    func openNow(_ identifier: SessionIdentifier, at now: Timestamp) throws(SessionStoreError) -> Look {
        guard let store = self.immediate else { return .later }
        guard let location = self.location(of: identifier) else { return .absent }
        let found: ImmediateRead
        do throws(SessionStoreError) { found = try store.readNow(location.name) } catch {
            try self.settle(error, in: location)
            return .absent
        }
        switch found {
        case .later: return .later
        case .absent:
            self.hot.forget(identifier)
            return .absent
        case .session(let stored):
            guard stored.isLive(at: now), let record = self.record(in: location, storedAs: stored) else { return .later }
            return .found(Opened(record: record, generation: stored.generation, identifier: identifier, expiresAt: stored.expiresAt))
        }
    }

    /// What is known of a session that is over.
    package enum End: Sendable {
        /// It was ended a short while ago.
        case gone
        /// Its time was over.
        case expired(SessionHandle, at: Timestamp)
    }

    /// Reads a session without locking it.
    ///
    /// - Parameters:
    ///   - identifier: The identifier.
    ///   - now: The time.
    ///   - onEnd: Called when it was there and is over.
    /// - Returns: The record; `nil` when there is no such session, when it expired before `now`, ended, or could not be opened.
    /// - Throws: What the store throws, except for damage, which is reported and means that there is no session.
    package func open(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        onEnd: (End) -> Void = { _ in }
    ) async throws(SessionStoreError) -> Opened? {
        var identifier = identifier
        var end: Timestamp?
        for steps in 0...Self.longestChain {
            guard let location = self.location(of: identifier), let stored = try await self.read(location) else { return nil }
            if stored.isLive(at: now) {
                guard let record = self.record(in: location, storedAs: stored) else {
                    await self.putAside(stored, in: location)
                    return nil
                }
                return Opened(
                    record: record,
                    generation: stored.generation,
                    identifier: identifier,
                    expiresAt: stored.expiresAt,
                    longWayUntil: steps > 1 ? end : nil
                )
            }
            self.hot.forget(identifier)
            end = end.map { min($0, stored.expiresAt) } ?? stored.expiresAt
            guard let successor = self.sealer.successor(in: stored, at: now, in: location) else {
                switch stored.state {
                case .live: onEnd(.expired(stored.handle, at: stored.expiresAt))
                case .ended: if now < stored.expiresAt { onEnd(.gone) }
                }
                return nil
            }
            identifier = successor
        }
        return nil
    }

    private func read(_ location: SessionLocation) async throws(SessionStoreError) -> StoredSession? {
        do {
            if let stored = try await self.store.read(location.name) { return stored }
            self.hot.forget(location.identifier)
            return nil
        } catch {
            try self.settle(error, in: location)
            return nil
        }
    }

    /// The record that stored bytes hold: the one opened last if they are the same; `nil` when they do not open here.
    func record(in location: SessionLocation, storedAs stored: StoredSession) -> SessionRecord? {
        if let record = self.hot.record(in: location, storedAs: stored) { return record }
        guard let record = self.sealer.open(stored, in: location) else { return nil }
        self.hot.remember(record, storedAs: stored, in: location)
        return record
    }

    // MARK: Writing

    /// Makes a session under a fresh identifier.
    ///
    /// - Parameters:
    ///   - record: The first record.
    ///   - expiresAt: From when on it counts as absent.
    ///   - now: The time of the request.
    ///   - keys: The keys it belongs to: the newest, or those of the session it succeeds.
    ///   - generator: Draws the identifier, and the handle of a session that begins.
    package func create(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) -> SessionIdentifier {
        try await self.begin(record, expiresAt: expiresAt, at: now, keys: keys, using: &generator).identifier
    }

    /// Makes a session under a fresh identifier, see ``create(_:expiresAt:at:keys:using:)``.
    ///
    /// A record that was opened elsewhere takes its ``SessionRecord/origin`` along: the session goes on. One that has none begins.
    ///
    /// - Returns: The session as it is stored.
    package func begin(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) -> Opened {
        var record = record
        if record.origin == nil {
            record.origin = SessionOrigin(handle: SessionHandle(using: &generator), epoch: try await self.store.epoch())
        }
        while true {
            let draft = self.draft(record, expiresAt: expiresAt, at: now, keys: keys, using: &generator)
            do {
                try await self.store.create(draft.stored, named: draft.location.name)
            } catch  where error.code == .nameTaken {
                continue  // cannot happen by chance with 256 random bits, but must not open somebody else's session if it does
            }
            return self.begun(draft, expiresAt: expiresAt)
        }
    }

    /// The same without waiting; `nil` where the store cannot.
    func beginNow(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) throws(SessionStoreError) -> Opened? {
        guard let store = self.immediate else { return nil }
        var record = record
        if record.origin == nil {
            record.origin = SessionOrigin(handle: SessionHandle(using: &generator), epoch: try store.epochNow())
        }
        let draft = self.draft(record, expiresAt: expiresAt, at: now, keys: keys, using: &generator)
        try store.createNow(draft.stored, named: draft.location.name)
        return self.begun(draft, expiresAt: expiresAt)
    }

    private struct Draft {
        var record: SessionRecord
        var location: SessionLocation
        var stored: StoredSession
    }

    private func draft(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) -> Draft {
        guard let origin = record.origin else { preconditionFailure("a session begins with an origin") }
        let location = SessionLocation(of: SessionIdentifier(secretNumber: keys.number, using: &generator), keys: keys)
        let stored = self.sealer.seal(record, of: origin, generation: 1, expiresAt: expiresAt, at: now, in: location, using: &generator)
        return Draft(record: record, location: location, stored: stored)
    }

    private func begun(_ draft: Draft, expiresAt: Timestamp) -> Opened {
        self.hot.remember(draft.record, storedAs: draft.stored, in: draft.location)
        return Opened(record: draft.record, generation: 1, identifier: draft.location.identifier, expiresAt: expiresAt)
    }

    /// Removes what expired, see ``SessionStore/sweep(expiredAt:budget:)``.
    package func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.store.sweep(expiredAt: now, budget: budget)
    }

    // MARK: Trouble

    func putAside(_ stored: StoredSession, in location: SessionLocation) async {
        self.hot.forget(location.identifier)
        self.report(SessionIncident(handle: stored.handle, kind: .doesNotOpen))
        // If even this fails the session stays unusable, which is what matters.
        try? await self.store.quarantine(location.name, generation: stored.generation)
    }

    func settle(_ error: SessionStoreError, in location: SessionLocation) throws(SessionStoreError) {
        guard error.code == .damaged else { throw error }
        // Nothing can be read of it: only what was known before says which session it was.
        let handle = self.hot.handle(of: location.identifier)
        self.hot.forget(location.identifier)
        self.report(SessionIncident(handle: handle, kind: .damaged))
    }
}
