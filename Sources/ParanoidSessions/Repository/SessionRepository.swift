/// Sessions by identifier, over any store: names them, opens and seals their records, and lets changes be made under the store's lock.
///
/// The store below never sees an identifier, a key or a value; what is above never sees a name, a generation or a sealed byte.
public final class SessionRepository: Sendable {
    /// A session as it was read.
    public struct Opened: Sendable {
        /// The record.
        public var record: SessionRecord
        /// Counts the writes of the session.
        public var generation: UInt64
        /// The identifier of the session: the one asked for, or the one that took its place a moment ago.
        public var identifier: SessionIdentifier
        /// From when on it counts as absent.
        public var expiresAt: Timestamp
    }

    /// What is to become of a session under its lock.
    public enum Change: Sendable {
        /// Leave it.
        case keep
        /// Replace its record; it expires at the given time.
        case write(SessionRecord, expiresAt: Timestamp)
        /// End it.
        case remove
        /// End it; until the given time, whoever still shows its identifier is led to another.
        case supersede(by: SessionIdentifier, until: Timestamp)
    }

    /// How many replaced identifiers are followed, one read each.
    ///
    /// Who comes back with an old one is to be recognised as the second holder of a jar, so this is more than a busy thief who changes networks
    /// every few minutes makes in a night; a request cannot cost more than these reads.
    private static let longestChain = 512

    let store: any SessionStore
    let secrets: SecretRing
    let configuration: SessionRepositoryConfiguration
    let sealer: SessionSealer
    private let report: @Sendable (SessionIncident) -> Void

    /// Creates a repository.
    ///
    /// - Parameters:
    ///   - store: Where the sessions are kept.
    ///   - secrets: The server's secrets: the newest names and seals new sessions, all of them open existing ones.
    ///   - configuration: Protection, timeout and limits.
    ///   - report: Called for each session that had to be given up; must not block.
    ///   - reloadSecrets: Reads the secrets again, for identifiers whose secret was added later; called at most once a second.
    public init(
        store: any SessionStore,
        secrets: ServerSecrets,
        configuration: SessionRepositoryConfiguration = SessionRepositoryConfiguration(),
        report: @escaping @Sendable (SessionIncident) -> Void = { _ in },
        reloadSecrets: (@Sendable () -> ServerSecrets?)? = nil
    ) {
        precondition([.none, .sealed].contains(configuration.protection), "the repository labels what needs a label")
        self.store = store
        self.secrets = SecretRing(secrets, reload: reloadSecrets)
        self.configuration = configuration
        let cache = OpenedSessionCache(capacity: configuration.cachedSessions)
        self.sealer = SessionSealer(protection: configuration.protection, cache: cache)
        self.report = report
    }

    /// The keys of new sessions.
    public var newestKeys: ServerKeys { self.secrets.newest }

    /// The keys an identifier belongs to; `nil` when the server does not have its secret.
    public func keys(of identifier: SessionIdentifier) -> ServerKeys? {
        self.secrets.keys(number: identifier.secretNumber)
    }

    /// The keys of one of the server's secrets; `nil` when it does not have it.
    public func keys(number: UInt8) -> ServerKeys? { self.secrets.keys(number: number) }

    private func place(of identifier: SessionIdentifier) -> SessionLocation? {
        self.keys(of: identifier).map { self.sealer.place(of: identifier, keys: $0) }
    }

    // MARK: Reading

    /// Reads a session without locking it.
    ///
    /// - Parameters:
    ///   - identifier: The identifier.
    ///   - now: The time.
    ///   - onExpiry: Called when it was there and its time is over.
    /// - Returns: The record; `nil` when there is no such session, when it expired before `now`, ended, or could not be opened.
    /// - Throws: What the store throws, except for damage, which is reported and means that there is no session.
    public func open(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        onExpiry: () -> Void = {}
    ) async throws(SessionStoreError) -> Opened? {
        var identifier = identifier
        for _ in 0...Self.longestChain {
            guard let place = self.place(of: identifier), let stored = try await self.read(place) else { return nil }
            if stored.isLive(at: now) {
                guard let record = self.sealer.open(stored, in: place) else {
                    await self.putAside(place.name, generation: stored.generation)
                    return nil
                }
                return Opened(record: record, generation: stored.generation, identifier: identifier, expiresAt: stored.expiresAt)
            }
            self.sealer.cache.forget(place.name)
            guard let successor = self.sealer.successor(in: stored, at: now, in: place) else {
                if stored.state == .live { onExpiry() }
                return nil
            }
            identifier = successor
        }
        return nil
    }

    private func read(_ place: SessionLocation) async throws(SessionStoreError) -> StoredSession? {
        do {
            if let stored = try await self.store.read(place.name) { return stored }
            self.sealer.cache.forget(place.name)
            return nil
        } catch {
            try self.settle(error, of: place.name)
            return nil
        }
    }

    // MARK: Writing

    /// Makes a session under a fresh identifier.
    ///
    /// - Parameters:
    ///   - record: The first record.
    ///   - expiresAt: From when on it counts as absent.
    ///   - now: The time of the request.
    ///   - keys: The keys it belongs to: the newest, or those of the session it succeeds.
    ///   - generator: Draws the identifier.
    public func create(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) -> SessionIdentifier {
        while true {
            let identifier = SessionIdentifier(secretNumber: keys.number, using: &generator)
            let place = self.sealer.place(of: identifier, keys: keys)
            let stored = self.sealer.seal(record, generation: 1, expiresAt: expiresAt, at: now, in: place, using: &generator)
            do {
                try await self.store.create(stored, named: place.name)
            } catch  where error.code == .nameTaken {
                continue  // cannot happen by chance with 256 random bits, but must not open somebody else's session if it does
            }
            self.sealer.remember(record, storedAs: stored, in: place)
            return identifier
        }
    }

    /// Gives `body` the only view of a session and does what it says.
    ///
    /// - Parameters:
    ///   - identifier: The session; one that was replaced a moment ago leads to its successor.
    ///   - now: The time of the request.
    ///   - generator: Randomness for sealing.
    ///   - body: Sees the session as it is now, or `nil` when there is none (any more); may run again.
    /// - Returns: What `body` returned beside its change.
    public func change<Result: Sendable>(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        _ body: (Opened?) -> (change: Change, result: Result)
    ) async throws(SessionStoreError) -> Result {
        var identifier = identifier
        for _ in 0...Self.longestChain {
            guard let place = self.place(of: identifier) else { break }
            switch try await self.changeOne(place, at: now, using: &generator, body) {
            case .done(let result): return result
            case .superseded(let successor): identifier = successor
            }
        }
        return body(nil).result
    }

    private enum Outcome<Result: Sendable>: Sendable {
        case done(Result)
        case superseded(by: SessionIdentifier)
    }

    private func changeOne<Result: Sendable>(
        _ place: SessionLocation,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        _ body: (Opened?) -> (change: Change, result: Result)
    ) async throws(SessionStoreError) -> Outcome<Result> {
        var failedGeneration: UInt64?
        var written: (record: SessionRecord, stored: StoredSession)?
        let outcome: Outcome<Result>
        do {
            outcome = try await self.store.modify(place.name, timeout: self.configuration.timeout) { stored in
                failedGeneration = nil
                written = nil
                guard let stored, stored.isLive(at: now) else {
                    if let stored, let successor = self.sealer.successor(in: stored, at: now, in: place) {
                        return (.keep, .superseded(by: successor))
                    }
                    return (.keep, .done(body(nil).result))
                }
                guard let record = self.sealer.open(stored, in: place) else {
                    failedGeneration = stored.generation
                    return (.keep, .done(body(nil).result))
                }
                let opened = Opened(
                    record: record,
                    generation: stored.generation,
                    identifier: place.identifier,
                    expiresAt: stored.expiresAt
                )
                let (change, result) = body(opened)
                let generation = stored.generation + 1
                switch change {
                case .keep: return (.keep, .done(result))
                case .remove: return (.remove, .done(result))
                case .write(let record, let end):
                    let next = self.sealer.seal(record, generation: generation, expiresAt: end, at: now, in: place, using: &generator)
                    written = (record, next)
                    return (.write(next), .done(result))
                case .supersede(let successor, let end):
                    let tombstone = self.sealer.tombstone(
                        of: successor,
                        generation: generation,
                        record: record,
                        until: end,
                        at: now,
                        in: place,
                        using: &generator
                    )
                    return (.write(tombstone), .done(result))
                }
            }
        } catch {
            self.sealer.cache.forget(place.name)
            try self.settle(error, of: place.name)
            return .done(body(nil).result)
        }
        if let failedGeneration { await self.putAside(place.name, generation: failedGeneration) }
        if let written { self.sealer.remember(written.record, storedAs: written.stored, in: place) }
        return outcome
    }

    /// Lets a replaced identifier lead to its successor until `end` only.
    public func retire(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        by end: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) {
        guard let place = self.place(of: identifier) else { return }
        try await self.store.modify(place.name, timeout: self.configuration.timeout) { stored in
            guard let stored, end < stored.expiresAt, let successor = self.sealer.successor(in: stored, at: now, in: place) else {
                return (.keep, ())
            }
            let record = SessionRecord(createdAt: stored.createdAt)
            let tombstone = self.sealer.tombstone(
                of: successor,
                generation: stored.generation + 1,
                record: record,
                until: end,
                at: now,
                in: place,
                using: &generator
            )
            return (.write(tombstone), ())
        }
    }

    /// Removes what expired, see ``SessionStore/sweep(expiredAt:budget:)``.
    public func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.store.sweep(expiredAt: now, budget: budget)
    }

    // MARK: Trouble

    private func putAside(_ name: SessionName, generation: UInt64) async {
        self.sealer.cache.forget(name)
        self.report(SessionIncident(name: name, kind: .doesNotOpen))
        // If even this fails the session stays unusable, which is what matters.
        try? await self.store.quarantine(name, generation: generation)
    }

    private func settle(_ error: SessionStoreError, of name: SessionName) throws(SessionStoreError) {
        guard error.code == .damaged else { throw error }
        self.sealer.cache.forget(name)
        self.report(SessionIncident(name: name, kind: .damaged))
    }
}
